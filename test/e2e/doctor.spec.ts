import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { createServer, type AddressInfo } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { join } from 'node:path';
import { constants } from 'node:buffer';
import { appendFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { REFUSALS } from '../../src/mtls/index.js';
import { TestCa, type Issued } from '../../src/testing/index.js';
import { Oid, type GeneralName } from '../../src/x509/index.js';
import { commandLine, type Run } from '../support/command-line.js';
import { clientTls, get } from '../support/client.js';
import { temporaryFolder, writeFiles } from '../support/folder.js';
import { WRITTEN } from '../support/forwarded-headers.js';
import { LogLines, startGuardedApp, type GuardedApp } from '../support/guarded-app.js';

const HOUR = 3_600_000;
const root = TestCa.root();
const issuing = root.intermediate();
const elsewhere = root.intermediate({ organization: 'Somebody Else' });
const billing = issuing.issue({ commonName: 'billing' });
const revoked = issuing.issue({ commonName: 'billing' });
const edge = issuing.issue({ commonName: 'edge' });
const ago = (hours: number): Date => new Date(Date.now() - hours * HOUR);

let guarded: GuardedApp;
let uncovered: GuardedApp;
let broken: GuardedApp;
let required: GuardedApp;
let folder: string;
let ca: string;

beforeAll(async () => {
  folder = temporaryFolder();
  const crls = writeFiles(folder, {
    'root.crl': root.crl(),
    'issuing.crl': issuing.crl([{ certificate: revoked.certificate, reason: 1 }]),
    'elsewhere.crl': elsewhere.crl(),
  });
  ({ ca } = writeFiles(folder, { ca: root.certificatePem }));
  const intermediates = issuing.chainPem + elsewhere.chainPem;
  const revocation = { crls: Object.values(crls).map((source) => ({ source })) };
  guarded = await startGuardedApp(issuing, {
    intermediates,
    issuerOrganization: 'VERITAS Framework',
    revocation,
    trustedProxies: [{ service: 'edge', format: 'rfc9440' }],
  });
  uncovered = await startGuardedApp(issuing, { revocation: { crls: [] } });
  broken = await startGuardedApp(issuing, {
    services: () => {
      throw new Error('the secret reason');
    },
  });
  required = await startGuardedApp(issuing, {}, { clientAuth: 'required' });
});
afterAll(async () => {
  for (const { app } of [guarded, uncovered, broken, required]) await app.close();
});

const doctor = (args: readonly string[], input = ''): Promise<Run> =>
  commandLine(['doctor', ...args], { VERITAS_TLS_CA_FILE: ca }, { input });

let count = 0;
interface Diagnosis {
  readonly ok: boolean;
  readonly failed: string | null;
  readonly checks: readonly {
    readonly check: string;
    readonly ok: boolean;
    readonly detail: string;
    readonly mend?: string;
  }[];
}

/** What the doctor says of a client, as JSON, and the exit code. */
async function diagnosisOf(
  client: Pick<Issued, 'chainPem' | 'keyPem'>,
  { port = guarded.port, host = 'localhost', path = '/orders', more = [] as string[] } = {},
): Promise<Diagnosis & { readonly code: number }> {
  const name = `client-${count++}`;
  const files = writeFiles(folder, { [`${name}.pem`]: client.chainPem, [`${name}.key`]: client.keyPem });
  const connect = ['--cert', files[`${name}.pem`]!, '--connect', `${host}:${port}`, '--path', path];
  const { code, out, err } = await doctor([...connect, ...more, '--json']);
  if (out === '') throw new Error(err);
  return { ...(JSON.parse(out) as Diagnosis), code };
}

describe('doctor --cert --connect', () => {
  test.each<
    [code: keyof typeof REFUSALS, check: string, client: () => Pick<Issued, 'chainPem' | 'keyPem'>, path?: string]
  >([
    [
      'client_certificate_malformed',
      'readable',
      () => issuing.issueRaw({ commonName: 'billing', names: [{ kind: 'dns', value: 'billing\0.example' }] }),
    ],
    ['untrusted_issuer', 'guard: path', () => TestCa.root().issue({ commonName: 'billing' })],
    [
      'certificate_not_yet_valid',
      'dates',
      () => issuing.issue({ commonName: 'billing', notBefore: ago(-1), notAfter: ago(-2) }),
    ],
    [
      'certificate_expired',
      'dates',
      () => issuing.issue({ commonName: 'billing', notBefore: ago(2), notAfter: ago(1) }),
    ],
    ['wrong_issuer', 'guard: issuer', () => elsewhere.issue({ commonName: 'billing' })],
    ['wrong_key_usage', 'key usage', () => issuing.issue({ commonName: 'billing', purposes: [Oid.serverAuth] })],
    ['certificate_revoked', 'guard: revocation', () => revoked],
    ['service_not_allowed', 'guard: service', () => issuing.issue({ commonName: 'stranger' })],
    ['route_not_allowed', 'guard: route', () => issuing.issue({ commonName: 'orders' }), '/billing'],
  ])(
    '%s: fails at "%s", the guard says so too, and the mend is named',
    async (code, check, client, path = '/orders') => {
      const { failed, checks, code: exit } = await diagnosisOf(client(), { path });
      expect([failed, exit]).toEqual([check, 1]);
      // What is found here first, the guard finds as well.
      const last = checks.at(-1);
      expect(last).toMatchObject({ ok: false, detail: expect.stringContaining(code), mend: REFUSALS[code].mend });
      expect(checks.filter(({ check: name, ok }) => name.startsWith('guard') && !ok)).toHaveLength(1);
    },
  );

  test('revocation_unknown and validation_failed', async () => {
    expect((await diagnosisOf(billing, { port: uncovered.port })).checks.at(-1)).toMatchObject({
      check: 'guard: revocation',
      ok: false,
      detail: expect.stringContaining('revocation_unknown'),
    });
    const { failed, checks } = await diagnosisOf(billing, { port: broken.port });
    expect([failed, JSON.stringify(checks).includes('secret reason')]).toEqual(['guard: validation', false]);
  });

  test('rate_limited: every check passes but the last', async () => {
    const client = issuing.issue({ commonName: 'billing' });
    const met = [];
    for (let i = 0; i < 3; i++) met.push(await diagnosisOf(client, { path: '/bounded' }));
    expect(met.map(({ failed }) => failed)).toEqual([null, null, 'guard: rate']);
    expect(met[2]?.checks.at(-1)).toMatchObject({ ok: false, mend: REFUSALS.rate_limited.mend });
  });

  test('client_certificate_required: no certificate is presented, and the mend is to present one', async () => {
    const { code, out } = await doctor(['--connect', `localhost:${guarded.port}`, '--path', '/orders', '--json']);
    const { failed, checks } = JSON.parse(out) as Diagnosis;
    expect([code, failed]).toEqual([1, 'guard: certificate']);
    expect(checks.at(-1)).toMatchObject({ ok: false, mend: REFUSALS.client_certificate_required.mend });
    expect((await doctor(['--connect', `localhost:${guarded.port}`, '--path', '/open'])).code).toBe(0);
  });

  test('a client that is let in: every step passes, exit code 0', async () => {
    const { ok, checks, code } = await diagnosisOf(billing);
    expect([ok, code, checks.map(({ check }) => check)]).toEqual([
      true,
      0,
      ['readable', 'dates', 'key usage', 'key', 'connect', 'handshake', 'server certificate', 'clock', 'guard'],
    ]);
    // Its longer name.
    const files = writeFiles(folder, { 'longer.pem': billing.chainPem, 'longer.key': billing.keyPem });
    const longer = ['--certificate', files['longer.pem'], '--connect', `localhost:${guarded.port}`];
    expect((await doctor([...longer, '--path', '/orders'])).code).toBe(0);
    expect((await doctor([...longer, '--path', 'orders'])).code).toBe(2);
    // A path that is not there has passed the guard.
    expect((await diagnosisOf(billing, { path: '/nowhere' })).checks.at(-1)?.detail).toContain('404');
  });

  test('the key of another certificate, a server of another CA, by another name, that is not there, that speaks no TLS', async () => {
    const mixed = await diagnosisOf({ chainPem: billing.chainPem, keyPem: revoked.keyPem });
    expect([mixed.failed, mixed.checks.at(-1)?.check]).toEqual(['key', 'key']);
    const { other } = writeFiles(folder, { other: TestCa.root().certificatePem });
    expect((await diagnosisOf(billing, { more: ['--ca', other] })).failed).toBe('server certificate');
    expect((await diagnosisOf(billing, { host: '127.0.0.1' })).failed).toBe('server certificate');
    const plain = createServer((socket) =>
      socket
        .on('error', () => undefined)
        .resume()
        .end('HTTP/1.1 400 Bad Request\r\n\r\n'),
    ).listen(0, '127.0.0.1');
    await once(plain, 'listening');
    const { port } = plain.address() as AddressInfo;
    const { failed, checks } = await diagnosisOf(billing, { port });
    // OpenSSL's own text names its source files.
    expect([failed, checks.at(-1)?.detail]).toEqual(['handshake', expect.stringMatching(/^[a-z0-9 ]+$/)]);
    plain.close();
    await once(plain, 'close');
    expect((await diagnosisOf(billing, { port })).failed).toBe('connect');
  });

  test('a service that takes no handshake without a certificate of its CAs', async () => {
    const stranger = TestCa.root().issue({ commonName: 'billing' });
    const { failed, checks } = await diagnosisOf(stranger, { port: required.port });
    expect([failed, checks.at(-1)?.mend]).toEqual(['handshake', expect.stringContaining('tls.clientAuth: required')]);
  });

  test('a certificate that is presented and that the guard does not take for that of a client: who may be between', async () => {
    const { failed, code, checks } = await diagnosisOf(edge);
    expect([failed, code, checks.at(-1)]).toEqual([
      'guard: certificate',
      1,
      {
        check: 'guard: certificate',
        ok: false,
        detail: expect.stringMatching(
          /^The certificate was presented, but the service saw none of a client\. \(client_certificate_required, request \S+\)$/,
        ),
        mend: expect.stringMatching(/mtls\.trustedProxies.*that the proxy hands.*requestCert/),
      },
    ]);
  });

  test.each<[answer: string, end: string, failed: string | null, detail: string]>([
    ['', '', 'answer', 'no whole answer came within 10 s'],
    ['220 mail.example.org ESMTP\r\n', '', 'answer', 'what came is no HTTP/1.1'],
    ['HTTP/1.1 403 Forbidden\r\ncontent-length: 9\r\n\r\n', '1', 'answer', 'the answer was cut off'],
    ['HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n', '', null, 'let in; the answer is 200'],
    ['HTTP/1.1 404 Not Found\r\n\r\n', 'a'.repeat(99_999), null, 'let in; the answer is 404'],
  ])(
    'what comes after the handshake is not taken for it: %j',
    async (answer, end, failed, detail) => {
      const { chainPem: cert, keyPem: key } = issuing.issue({ names: [{ kind: 'dns', value: 'localhost' }] });
      const server = createTlsServer({ cert, key }, (socket) => {
        socket
          .on('error', () => undefined)
          .once('data', () => {
            if (end === '') socket.write(answer);
            else socket.end(answer + end);
          });
      }).listen(0);
      await once(server, 'listening');
      const diagnosis = await diagnosisOf(billing, { port: (server.address() as AddressInfo).port });
      server.close();
      expect([diagnosis.failed, diagnosis.checks.at(-1)?.detail]).toEqual([failed, detail]);
    },
    20_000,
  );

  /** What the doctor says of a server of these names that answers so. */
  async function diagnosisAt(
    names: Issued | readonly GeneralName[],
    answer: (response: ServerResponse) => unknown,
    host = 'localhost',
  ): ReturnType<typeof diagnosisOf> {
    const { chainPem: cert, keyPem: key } = 'chainPem' in names ? names : issuing.issue({ names });
    const server = createHttpsServer({ cert, key }, (_, response) => answer(response)).listen(0, '::');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const diagnosis = await diagnosisOf(billing, { port, host });
    server.close();
    return diagnosis;
  }
  const LOCALHOST = [{ kind: 'dns', value: 'localhost' }] as const;

  test("a refusal that is not the guard's, as of a proxy before it, lets nobody in", async () => {
    for (const [status, detail, mend] of [
      ...[400, 401, 403, 421].map((each) => [
        each,
        'without a code of the guard',
        'look for what answers before it, such as a proxy, and into the log of that',
      ]),
      [429, 'without a reason', 'ask less often'],
      [503, 'without a reason', 'look into the log of the service'],
    ] as [number, string, string][]) {
      const { failed, code, checks } = await diagnosisAt(LOCALHOST, (response) =>
        response.writeHead(status).end('<html>'),
      );
      const last = { check: 'answer', ok: false, detail: `${status}: ${detail}`, mend };
      expect([failed, code, checks.at(-1)]).toEqual(['answer', 1, last]);
    }
  });

  test('a service is known by its address as by its name, and by nothing but its subjectAltName', async () => {
    const addresses = ['7f000001', '00000000000000000000000000000001'].map(
      (octets) => ({ kind: 'ip', value: Buffer.from(octets, 'hex') }) as const,
    );
    for (const host of ['127.0.0.1', '[::1]']) {
      const asked: (string | undefined)[] = [];
      const answer = (response: ServerResponse) => asked.push(response.end().req.headers.host);
      const { failed, checks } = await diagnosisAt(addresses, answer, host);
      expect(failed).toBeNull();
      // With the port, where it is not that of the scheme (RFC 9110 §7.2).
      expect(asked).toEqual([checks.find(({ check }) => check === 'connect')?.detail]);
      expect(asked[0]).toMatch(/\d$/);
    }
    const unnamed = issuing.issue({ commonName: 'localhost', names: [] });
    const { failed, checks } = await diagnosisAt(unnamed, (response) => response.end());
    expect([failed, checks.at(-1)?.detail]).toEqual(['server certificate', 'its names are not localhost: it has none']);
  });

  test('a clock that is more than a minute away', async () => {
    for (const [seconds, how, failed] of [
      [-30, '30 s behind', null],
      [90, '90 s ahead', 'clock'],
      [-90, '90 s behind', 'clock'],
    ] as const) {
      const date = new Date((Math.floor(Date.now() / 1000) + seconds) * 1000).toUTCString();
      const diagnosis = await diagnosisAt(LOCALHOST, (response) => response.setHeader('date', date).end());
      const clock = diagnosis.checks.find(({ check }) => check === 'clock');
      expect([diagnosis.failed, clock?.detail.replace(/\d+ s/, how.slice(0, 4))]).toEqual([
        failed,
        `that of the service is ${how}`,
      ]);
    }
  });

  test('for a person: a line for each check, and the mend', async () => {
    const { 'a.pem': certificate } = writeFiles(folder, { 'a.pem': revoked.chainPem, 'a.key': revoked.keyPem });
    const { code, out, err } = await doctor(['--certificate', certificate, '--connect', `localhost:${guarded.port}`]);
    expect([code, out.split('\n').filter((line) => line.startsWith('pass')).length]).toEqual([1, 14]);
    expect(out).toContain(`FAIL  guard: revocation: The certificate has been revoked.`);
    expect(err).toContain('it fails at: guard: revocation');
    expect((out + err).match(/Get a new certificate/g)).toHaveLength(1);
    expect(out + err).not.toContain('PRIVATE KEY');
  });

  test('without a key, and without anything', async () => {
    const { alone } = writeFiles(folder, { alone: billing.chainPem });
    expect(await doctor(['--certificate', alone, '--connect', 'localhost:1'])).toMatchObject({
      code: 3,
      err: expect.stringContaining('--key'),
    });
    for (const args of [
      [],
      ['--certificate', alone],
      ['--request', 'a', '--connect', 'localhost:1'],
      ['--key', alone, '--connect', 'localhost:1'],
    ])
      expect((await doctor(args)).code).toBe(2);
    expect((await doctor(['--certificate', alone, '--connect', 'localhost:1/path'])).code).toBe(2);
  });
});

describe('doctor --request', () => {
  /** The lines of the service's log, as pino writes them. */
  const logged = (): string =>
    LogLines.shared.lines
      .map(({ level, message }) => JSON.stringify({ level, time: '2027-01-31T00:00:00.000Z', ...(message as object) }))
      .join('\n');
  const refuse = async (client: Issued, path = '/orders'): Promise<string> =>
    String((await get(guarded.port, path, clientTls(issuing, client))).json.request_id);

  test('the ordered checks with what was seen, from a pipe and from a file', async () => {
    const id = await refuse(revoked);
    const { code, out } = await doctor(['--request', id, '--json'], logged());
    expect(code).toBe(0);
    const { refusals } = JSON.parse(out) as { refusals: { code: string; checks: Diagnosis['checks'] }[] };
    expect(refusals.map((each) => [each.code, each.checks.map(({ check, ok }) => [check, ok])])).toEqual([
      [
        'certificate_revoked',
        [
          ['certificate', true],
          ['readable', true],
          ['path', true],
          ['dates', true],
          ['issuer', true],
          ['key usage', true],
          ['revocation', false],
        ],
      ],
    ]);
    const [refusal] = refusals;
    expect(refusal?.checks[1]?.detail).toContain(revoked.certificate.serialNumber);
    expect(refusal?.checks[3]?.detail).toContain(revoked.certificate.notAfter.toISOString());
    expect(refusal?.checks.at(-1)).toMatchObject({
      detail: expect.stringContaining('reason: keyCompromise'),
      mend: REFUSALS.certificate_revoked.mend,
    });
    const log = join(folder, 'veritas.log');
    writeFileSync(log, `not JSON, of ${id}\n${logged()}\n`);
    const text = await doctor(['--request', id, '--log', log]);
    expect(text.out).toMatch(
      /^2027-01-31T00:00:00\.000Z {2}GET \/orders was refused: certificate_revoked\npass {2}certificate/,
    );
    expect(text.out).toContain('FAIL  revocation: the certificate has been revoked');
  });

  test('of a caller behind a proxy that handed no certificate on, the proxy is named', async () => {
    const { out } = await doctor(['--request', await refuse(edge)], logged());
    expect(out).toContain('mend: The connection is that of the proxy edge: present a client certificate to it');
  });

  test.each<[who: string, sender: () => Issued, value: string, mend: string]>([
    [
      'a proxy whose certificate has expired',
      () => issuing.issue({ commonName: 'edge', notBefore: ago(2), notAfter: ago(1) }),
      WRITTEN.rfc9440(billing.certificate.der),
      'The sender of the header (CN=edge,O=VERITAS Framework) was refused with certificate_expired. Get a new certificate,',
    ],
    [
      'a service that is no proxy',
      () => billing,
      WRITTEN.rfc9440(billing.certificate.der),
      'List billing in mtls.trustedProxies if it is a proxy, or have it send no such header.',
    ],
    ['a proxy that writes another form', () => edge, 'a', 'Set the proxy edge up as mtls.trustedProxies has it'],
  ])('of a header from %s, the mend is for whoever sent it', async (_, sender, value, mend) => {
    const answer = await get(guarded.port, '/orders', clientTls(issuing, sender()), 'HTTP/1.1', {
      'client-cert': value,
    });
    const { out } = await doctor(['--request', String(answer.json.request_id)], logged());
    expect(out).toContain(`mend: ${mend}`);
  });

  test('of a certificate that names nobody, the mend is its own', async () => {
    const id = await refuse(issuing.issue({ names: [], commonName: 'a b' }));
    expect((await doctor(['--request', id], logged())).out).toContain(
      'mend: Have a certificate issued with one common name',
    );
  });

  test('of a request over its rate, whose line has no more of the certificate than its digest, nothing is called unknown', async () => {
    const checks = ['readable', 'path', 'dates'].map((check) => ({ check, ok: true }));
    const line = { event: 'refused', request_id: 'r-2', code: 'rate_limited', fingerprint256: 'ab12', checks };
    const { out } = await doctor(['--request', 'r-2'], JSON.stringify(line));
    expect(out).toContain(
      'pass  readable: SHA-256 ab12\npass  path: leads to a trust anchor\npass  dates: valid then\n',
    );
    expect(out).not.toContain('unknown');
  });

  test("as the JSON logger of Nest writes it in somebody's own application, the line within the message", async () => {
    const checks = [
      { check: 'certificate', ok: true },
      { check: 'readable', ok: false },
    ];
    const message = {
      event: 'refused',
      request_id: 'r-3',
      code: 'client_certificate_malformed',
      method: 'TCP',
      checks,
    };
    const line = { level: 'warn', pid: 1, timestamp: Date.UTC(2027, 0, 31), message, context: 'Mtls' };
    const { code, out } = await doctor(['--request', 'r-3'], JSON.stringify(line));
    expect(code).toBe(0);
    expect(out).toMatch(
      /^2027-01-31T00:00:00\.000Z {2}TCP was refused: client_certificate_malformed\npass {2}certificate/,
    );
  });

  test('neither a name in a certificate nor a line that somebody else wrote moves the cursor', async () => {
    const line = {
      event: 'refused',
      request_id: 'r-1',
      code: 'untrusted_issuer',
      reason: '\u001b[2Jx',
      subject: '\u202eCN=a',
      mend: '\u001b[1A',
      checks: [
        { check: 'certificate\u001b[2K', ok: true },
        { check: 'readable', ok: true },
        { check: 'path', ok: false },
      ],
    };
    const { out } = await doctor(['--request', 'r-1'], JSON.stringify(line));
    for (const text of ['[2Jx', '[1A', '[2K']) expect(out).toContain(`\\u001b${text}`);
    expect(out).toContain('\\u202eCN=a');
    for (const character of ['\u001b', '\u202e']) expect(out).not.toContain(character);
  });

  test('a log that was cut off while the service wrote on begins with a gap, of any size', async () => {
    const log = join(folder, 'cut.log');
    writeFileSync(log, '');
    truncateSync(log, constants.MAX_STRING_LENGTH + 1);
    appendFileSync(log, `\n${JSON.stringify({ event: 'refused', request_id: 'r-2', code: 'untrusted_issuer' })}`);
    expect(await doctor(['--request', 'r-2', '--log', log])).toMatchObject({ code: 0, err: '' });
    rmSync(log);
  });

  test('a request that was not refused, and a log that is not there', async () => {
    expect(await doctor(['--request', 'nobody'], logged())).toMatchObject({
      code: 1,
      err: expect.stringMatching(/every node.*over a rate.*once a second/),
    });
    expect((await doctor(['--request', 'nobody', '--log', join(folder, 'none.log')])).code).toBe(3);
  });
});
