import { once } from 'node:events';
import { afterEach, expect, test } from '@jest/globals';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { WebSocket } from 'ws';
import { Public } from '../../src/mtls/index.js';
import { MtlsWsAdapter } from '../../src/mtls/ws/index.js';
import { TestCa } from '../../src/testing/index.js';
import { clientTls } from '../support/client.js';
import { createApp, portOf, serverTls } from '../support/transport-app.js';

const ca = TestCa.root();
const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

@WebSocketGateway({ path: '/large' })
@Public()
class Large {
  static clients: WebSocket[] = [];
  handleConnection(client: WebSocket): void {
    Large.clients.push(client);
  }
  @SubscribeMessage('large')
  large(): object {
    return { event: 'large', data: 'a'.repeat(1_000_000) };
  }
}

test.each(['large', 'ping', 'closed'])('%s', async (how) => {
  const app = await createApp(ca, await serverTls(ca), { providers: [Large] });
  closing.push(() => app.close());
  app.useWebSocketAdapter(new MtlsWsAdapter(app));
  await app.listen(0, '127.0.0.1');
  const client = new WebSocket(`wss://127.0.0.1:${portOf(app.getHttpServer())}/large`, clientTls(ca, undefined) as object);
  client.on('error', () => undefined);
  await once(client, 'open');
  client.pause();
  (client as any)._socket.pause();
  const t = Date.now();
  const server = () => Large.clients.at(-1)!;
  let most = 0;
  for (let i = 0; i < 300 && client.readyState === client.OPEN; i++) {
    if (how === 'large') client.send(JSON.stringify({ event: 'large' }));
    else for (let j = 0; j < 2000; j++) client.ping(Buffer.alloc(125));
    await new Promise((resolve) => setImmediate(resolve));
    most = Math.max(most, server().bufferedAmount);
    if (server().readyState !== server().OPEN) break;
  }
  await new Promise((resolve) => setTimeout(resolve, 1000));
  most = Math.max(most, server().bufferedAmount);
  console.log(how, most, server().readyState, Date.now() - t);
  client.terminate();
  expect(1).toBe(1);
});
