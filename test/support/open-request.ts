import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { connect } from 'node:net';
import type { SecureContextOptions } from 'node:tls';

/**
 * A request that a service has, and whose body has not come yet: `finish` sends the rest, and gives the status of the answer. Its connection is kept open until
 * the service closes it.
 */
export async function openRequest(
  port: number,
  ca: SecureContextOptions['ca'],
): Promise<{ finish: () => Promise<number> }> {
  const headers = { 'content-type': 'application/json', 'content-length': 2, expect: '100-continue' };
  const url = `https://localhost:${port}/api/v1/certificates/enrollment`;
  const open = request(url, { method: 'POST', headers, ca, agent: new Agent({ keepAlive: true }) });
  const answered = once(open, 'response') as Promise<[IncomingMessage]>;
  open.flushHeaders();
  await Promise.race([once(open, 'continue'), answered]);
  const finish = async (): Promise<number> => {
    open.end('{}');
    const [answer] = await answered;
    // What nobody reads keeps its connection open.
    answer.resume();
    return answer.statusCode ?? 0;
  };
  return { finish };
}

/** Whether anybody takes connections at a port of this machine. */
export const isListening = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, 'localhost', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => {
      resolve(false);
    });
  });
