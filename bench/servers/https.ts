import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { bareTls, BODY, PATH } from '../support/bare.js';
import { serve } from '../support/subject.js';

const server = createServer(bareTls(process.argv[2] ?? ''), (request, response) => {
  if (request.url !== PATH) response.statusCode = 404;
  const body = JSON.stringify(BODY);
  response.setHeader('content-type', 'application/json; charset=utf-8');
  response.setHeader('content-length', Buffer.byteLength(body));
  response.end(body);
});
await once(server.listen(0), 'listening');
serve((server.address() as AddressInfo).port);
