import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { serve } from '../support/subject.js';

// As many octets as an OCSP response has, to whatever is asked.
const body = Buffer.alloc(Number(process.argv[3] ?? 0), 1);
const server = createServer((request, response) => {
  request.resume().on('end', () => {
    response.setHeader('content-type', 'application/ocsp-response');
    response.setHeader('content-length', body.length);
    response.end(body);
  });
});
await once(server.listen(0, '127.0.0.1'), 'listening');
serve((server.address() as AddressInfo).port);
