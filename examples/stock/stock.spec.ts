import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { firstValueFrom } from 'rxjs';
import { TestCa } from 'veritas/testing';
import { openTlsClient } from 'veritas/tls';
import { replaceFile, temporaryFolder, writeFiles } from '../../test/support/folder.js';
import { startCaller } from './src/caller.js';
import { startStock } from './src/stock.js';

const ACME = { organization: 'Acme Corp' };
const acme = TestCa.root({ ...ACME, commonName: 'Acme Root' });
const server = acme.issue({ ...ACME, commonName: 'stock', names: [{ kind: 'dns', value: 'localhost' }] });
const folder = temporaryFolder();

let stock: Awaited<ReturnType<typeof startStock>>;
const closing: (() => Promise<void>)[] = [];
beforeAll(async () => {
  for (const name of ['billing', 'shop', 'stranger']) {
    const { chainPem, keyPem } = acme.issue({ ...ACME, commonName: name });
    writeFiles(folder, { [`${name}.pem`]: chainPem, [`${name}.key`]: keyPem });
  }
  writeFiles(folder, {
    'ca.pem': acme.certificatePem,
    'acme.crl': acme.crl(),
    'server.pem': server.chainPem,
    'server.key': server.keyPem,
  });
  stock = await startStock(folder, { https: 0, tcp: 0 });
});
afterAll(() => stock.application.close());
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function send(service: string, pattern: string, item = 'tea'): Promise<unknown> {
  const caller = await startCaller(folder, service, stock.ports.tcp);
  closing.push(caller.close);
  return firstValueFrom(caller.stock.send<unknown>(pattern, item));
}

async function levels(service: string): Promise<[number, unknown]> {
  const client = await openTlsClient({
    certificateFile: join(folder, `${service}.pem`),
    keyFile: join(folder, `${service}.key`),
    caFile: join(folder, 'ca.pem'),
  });
  closing.push(() => client.close());
  const response = await client.fetch(`https://localhost:${stock.ports.https}/stock`);
  return [response.status, await response.json()];
}

describe('over both transports', () => {
  test('the shop reserves by message, and what it took is gone over HTTPS as well', async () => {
    const before = await levels('billing');
    expect(before).toEqual([200, { levels: { tea: 12 }, askedBy: 'billing' }]);
    expect(await send('shop', 'stock.reserve')).toEqual({ reserved: 'tea', by: 'shop' });
    expect(await send('billing', 'stock.level')).toBe(11);
    expect(await levels('shop')).toEqual([200, { levels: { tea: 11 }, askedBy: 'shop' }]);
  });

  test('controller and handler must both allow, and a stranger is nobody', async () => {
    await expect(send('billing', 'stock.reserve')).rejects.toMatchObject({ code: 'route_not_allowed', status: 403 });
    await expect(send('stranger', 'stock.level')).rejects.toMatchObject({ code: 'service_not_allowed', status: 403 });
    expect(await levels('stranger')).toEqual([403, expect.objectContaining({ code: 'service_not_allowed' })]);
    // Nor does a stranger hear whether there is such a message.
    await expect(send('stranger', 'stock.burn')).rejects.toMatchObject({ code: 'service_not_allowed' });
    await expect(send('shop', 'stock.burn')).rejects.toMatchObject({ code: 'not_found' });
  });

  test('more than its burst is refused', async () => {
    const caller = await startCaller(folder, 'shop', stock.ports.tcp);
    closing.push(caller.close);
    const answers = Array.from({ length: 7 }, () =>
      firstValueFrom(caller.stock.send<unknown>('stock.reserve', 'milk')).catch((refusal: unknown) => refusal),
    );
    expect(await Promise.all(answers)).toContainEqual(
      expect.objectContaining({ code: 'rate_limited', status: 429, retry_after: 1 }),
    );
  });

  test('a stock whose certificate was revoked is asked nothing', async () => {
    replaceFile(join(folder, 'acme.crl'), acme.crl([{ certificate: server.certificate }]));
    await expect(send('shop', 'stock.level')).rejects.toThrow('Connection closed');
  });
});

test('the README shows controller and caller as they are', () => {
  const readme = readFileSync('examples/stock/README.md', 'utf8');
  for (const file of ['stock.controller.ts', 'caller.ts'])
    expect(readme).toContain(readFileSync(`examples/stock/src/${file}`, 'utf8'));
});
