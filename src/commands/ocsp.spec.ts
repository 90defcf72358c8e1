import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { commandLine } from '../../test/support/command-line.js';
import { certificationRequest } from '../../test/support/certification-request.js';
import { openTemporaryAuthority, somebody, type TemporaryAuthority } from '../../test/support/temporary-authority.js';
import { TestCa } from '../testing/index.js';
import { decodeOcspResponse, verifyOcspResponse } from '../x509/index.js';

describe('veritas ocsp', () => {
  let temporary: TemporaryAuthority;
  let server: Server;
  let reply: (body: Buffer) => Promise<{ readonly status: number; readonly body: Uint8Array }>;
  const path = (name: string): string => join(temporary.folder, name);
  const url = (): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}/ocsp`;
  beforeAll(async () => {
    temporary = await openTemporaryAuthority();
    writeFileSync(path('veritas.yaml'), '{}');
    server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        void reply(Buffer.concat(chunks)).then(({ status, body }) => response.writeHead(status).end(body));
      });
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
  });
  afterAll(async () => {
    server.close();
    await temporary.close();
  });

  const run = (...args: string[]) =>
    commandLine(['ocsp', ...args], {
      VERITAS_CONFIG: path('veritas.yaml'),
      VERITAS_PKI_DIRECTORY: path('certs/ca'),
      VERITAS_PKI_PASSPHRASE_FILE: path('certs/ca/passphrase'),
      VERITAS_STORE_PATH: path('var/veritas.db'),
    });
  const issue = async () => {
    const issued = await temporary.authority.ca.issue({ request: certificationRequest(), requester: somebody });
    writeFileSync(path('leaf.pem'), issued.chainPem);
    return issued.certificate;
  };

  it('signs here: good 0, revoked and unknown 1, by file and by serial number', async () => {
    const { serialNumber } = await issue();
    const { code, out } = await run(path('leaf.pem'), '--json');
    expect([code, JSON.parse(out)]).toEqual([
      0,
      {
        serial_number: serialNumber,
        issuer: 'issuing',
        status: 'good',
        this_update: expect.any(String),
        next_update: expect.any(String),
      },
    ]);
    await temporary.authority.ca.revoke({ serialNumber, reason: 'superseded', requester: somebody });
    const revoked = await run(serialNumber);
    expect(revoked).toMatchObject({ code: 1, out: expect.stringMatching(/revoked on 2\S+ \(superseded\)/) });
    expect(revoked.err).toContain(`${serialNumber} is revoked`);
    expect(await run('7f'.repeat(16))).toMatchObject({ code: 1, err: expect.stringContaining('is unknown') });
    // The issuing CA is the root's.
    expect(await run(path('certs/issuing_ca.pem'), '--json')).toMatchObject({
      code: 0,
      out: expect.stringContaining('"issuer": "root"'),
    });
  });

  it('says why there is no answer here', async () => {
    const { serialNumber } = await issue();
    await run(serialNumber);
    const key = path('certs/ca/ocsp-issuing_ca.key.pem');
    chmodSync(key, 0o644);
    expect(await run(serialNumber)).toMatchObject({
      code: 3,
      err: expect.stringContaining(`${key} is open to others`),
    });
    chmodSync(key, 0o600);
    expect((await run(serialNumber)).code).toBe(0);
  });

  it('writes what a server can staple', async () => {
    const { serialNumber } = await issue();
    expect((await run(serialNumber, '--out', path('leaf.ocsp'))).code).toBe(0);
    const response = decodeOcspResponse(readFileSync(path('leaf.ocsp')));
    const issuer = temporary.authority.ca.issuing.certificate;
    expect(verifyOcspResponse(response, { issuer, serialNumber, time: new Date() })).toMatchObject({ ok: true });
    expect(response.basic!.nonce).toBeUndefined();
  });

  it('asks another one by --url, and believes what is verified', async () => {
    const { serialNumber } = await issue();
    const whole = await temporary.reopen({ settings: { ...temporary.settings, ocsp: true }, create: false });
    let kept: Uint8Array | undefined;
    reply = async (body) => {
      const { der } = await whole.ocsp!.answer(body);
      kept ??= der;
      return { status: 200, body: der };
    };
    expect((await run(serialNumber, '--url', url())).code).toBe(0);
    for (const [answer, why] of [
      // An answer of before has another nonce.
      [{ status: 200, body: kept! }, 'nonce'],
      [{ status: 200, body: Buffer.from('30030a0106', 'hex') }, 'unauthorized'],
      [{ status: 200, body: Buffer.from('hello') }, 'not an OCSP response'],
      [{ status: 200, body: Buffer.alloc(70_000) }, 'sends more than'],
      [{ status: 404, body: Buffer.of() }, 'status 404'],
    ] as const) {
      reply = () => Promise.resolve(answer);
      expect(await run(serialNumber, '--url', url())).toMatchObject({ code: 3, err: expect.stringContaining(why) });
    }
    expect(await run(serialNumber, '--url', 'http://127.0.0.1:2/ocsp')).toMatchObject({
      code: 3,
      err: expect.stringContaining('cannot be asked (connect ECONNREFUSED'),
    });
  });

  it('refuses what is no certificate of this CA, and what it does not understand', async () => {
    const { certificatePem } = TestCa.root().issue();
    writeFileSync(path('other.pem'), certificatePem);
    expect(await run(path('other.pem'))).toMatchObject({ code: 1, err: expect.stringContaining('not issued by') });
    expect(await run('hello')).toMatchObject({ code: 1, err: expect.stringContaining('neither a file nor') });
    expect((await run('7f', '--url', 'ftp://localhost')).code).toBe(2);
    expect((await run()).code).toBe(2);
  });
});
