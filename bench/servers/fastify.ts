import type { AddressInfo } from 'node:net';
import { fastify } from 'fastify';
import { bareTls, BODY, PATH } from '../support/bare.js';
import { serve } from '../support/subject.js';

const server = fastify({ https: bareTls(process.argv[2] ?? '') });
server.get(PATH, (_, reply) => {
  void reply.send({ ...BODY });
});
await server.listen({ port: 0 });
serve((server.server.address() as AddressInfo).port);
