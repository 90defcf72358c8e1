import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { AuditLog } from '../../src/audit/index.js';
import { findCertificate, openStore } from '../../src/store/index.js';
import { callerOf, csrOf, newKey, send } from '../support/certificate-client.js';
import { get, RawConnection } from '../support/client.js';
import { compileProgram } from '../support/compiled-program.js';
import { temporaryFolder } from '../support/folder.js';
import { isListening, openRequest } from '../support/open-request.js';
import { developmentTls, environmentIn, getPlain, startIn } from '../support/service.js';

test('SIGTERM under load: open requests are answered, it ends by itself, and every certificate that was handed out is stored', async () => {
  const first = await startIn();
  const { tls } = await callerOf(first, 'admin-client');
  await first.close();
  const { folder } = first;
  const program = temporaryFolder();
  compileProgram(program);
  const child = spawn(process.execPath, [join(program, 'dist/main.js')], {
    // So it does not end because that is over.
    env: { PATH: process.env.PATH, ...environmentIn(folder), VERITAS_HTTP_DRAIN_TIMEOUT: '1h' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const ended = once(child, 'exit');
  let port = 0;
  for await (const line of createInterface({ input: child.stderr })) {
    port = Number(/https:\/\/localhost:(\d+)/.exec(line)?.[1] ?? 0);
    if (port !== 0) break;
  }
  expect(port).not.toBe(0);

  const body = { csr: csrOf(newKey(), 'orders'), profile: 'service', service: 'orders' };
  const handedOut: string[] = [];
  const others: (number | string)[] = [];
  let terminated = false;
  const caller = async (): Promise<void> => {
    while (child.exitCode === null) {
      const before = !terminated;
      try {
        const { status, json } = await send(port, { method: 'POST', path: '/api/v1/certificates', tls, body });
        if (status === 201) handedOut.push(String(json.serial_number));
        else others.push(status);
      } catch (error) {
        // Whoever comes after the signal finds nobody.
        if (before) others.push(String((error as NodeJS.ErrnoException).code));
        await delay(5);
      }
    }
  };
  const callers = Array.from({ length: 8 }, caller);
  while (handedOut.length < 40) await delay(5);
  const atTheSignal = handedOut.length;
  const open = await openRequest(port, tls.ca);
  terminated = true;
  child.kill('SIGTERM');
  while (await isListening(port)) await delay(5);
  // Whoever signals the whole group of processes, as Ctrl-C does, reaches it again through its parent: that cuts nothing short.
  child.kill('SIGTERM');
  child.kill('SIGINT');
  await delay(50);
  expect(await open.finish()).toBe(401);
  expect(await ended).toEqual([0, null]);
  await Promise.all(callers);
  // Who asks after the signal hears that it is closing; a connection that nobody had taken up yet when the listener closed is cut.
  expect(others.filter((each) => each !== 503 && each !== 'ECONNRESET')).toEqual([]);
  expect(handedOut.length).toBeGreaterThanOrEqual(atTheSignal);

  const store = await openStore({ path: join(folder, 'var/veritas.db'), readOnly: true });
  for (const serial of handedOut)
    expect(await findCertificate(store.database, serial)).toMatchObject({ service: 'orders' });
  expect(new Set(handedOut).size).toBe(handedOut.length);
  expect(await new AuditLog(store).verify()).toMatchObject({ ok: true });
  await store.close();
}, 60_000);

test('while it stops, what an open connection still asks is refused as anything else is, and the probe says that nobody should come', async () => {
  const service = await startIn();
  const { https, repository = 0 } = service.ports;
  const tls = developmentTls(service.folder);
  const { json } = await get(https, '/openapi.json', tls);
  const paths = json.paths as Record<string, { get: { responses: Record<string, { content: object }> } }>;
  const connections = await Promise.all(
    ['/health', '/api/v1/test', '/nowhere'].map(() => RawConnection.open(https, tls)),
  );
  const open = await openRequest(https, tls.ca);
  expect((await getPlain(repository, '/readyz')).status).toBe(200);
  const closed = service.close();
  while (await isListening(https)) await delay(5);
  expect((await getPlain(repository, '/readyz')).body.toString()).toBe('{"status":"not ready"}');
  expect((await getPlain(repository, '/livez')).status).toBe(200);
  for (const [index, path] of ['/health', '/api/v1/test', '/nowhere'].entries()) {
    const { status, headers, json } = await connections[index]!.get(path);
    expect([path, status, headers]).toEqual([
      path,
      503,
      expect.objectContaining({
        'content-type': 'application/problem+json',
        'cache-control': 'no-store',
        connection: 'close',
      }),
    ]);
    expect(json).toMatchObject({ code: 'service_unavailable', status: 503, request_id: expect.any(String) });
  }
  for (const path of ['/health', '/api/v1/test'])
    expect(JSON.stringify(paths[path]?.get.responses[503])).toContain('"service_unavailable"');
  // What a part that is down is told as stays.
  expect(Object.keys(paths['/health']?.get.responses[503]?.content ?? {})).toEqual([
    'application/json',
    'application/problem+json',
  ]);
  expect(await open.finish()).toBe(401);
  await closed;
});

test('a stop waits five seconds for who is connected and asks nothing, over HTTP/1.1 and HTTP/2, and not for the end of its time', async () => {
  const service = await startIn();
  const tls = developmentTls(service.folder);
  const silent = await Promise.all(
    ['http/1.1', 'h2'].map((protocol) =>
      RawConnection.open(service.ports.https, { ...tls, ALPNProtocols: [protocol] }),
    ),
  );
  const before = performance.now();
  await Promise.all([service.close(), ...silent.map((each) => each.untilClosed())]);
  expect(performance.now() - before).toBeGreaterThan(4_900);
});
