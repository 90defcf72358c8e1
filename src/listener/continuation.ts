import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2SecureServer, Http2ServerRequest, Http2ServerResponse } from 'node:http2';

/**
 * Asks for a body that the client holds back (`Expect: 100-continue`, RFC 9110 §10.1.1) when somebody reads it, and not before: who is refused by the
 * headers alone need not send one. After such a refusal Node.js ends an HTTP/1.1 connection, as nobody knows whether the body comes.
 */
export function continueWhenRead(server: Http2SecureServer): void {
  server.on(
    'checkContinue',
    (request: IncomingMessage | Http2ServerRequest, response: ServerResponse | Http2ServerResponse) => {
      const read = request._read.bind(request);
      request._read = (size) => {
        request._read = read;
        if (!response.headersSent) response.writeContinue();
        read(size);
      };
      server.emit('request', request, response);
    },
  );
}
