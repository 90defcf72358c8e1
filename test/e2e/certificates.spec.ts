import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Logger } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { CaService } from '../../src/pki/index.js';
import { decodeCertificate, decodePem } from '../../src/x509/index.js';
import { TestCa } from '../../src/testing/index.js';
import { callerOf, csrOf, newKey, send, withCertificate, type Caller } from '../support/certificate-client.js';
import { clientTls, get } from '../support/client.js';
import { replaceFile, temporaryFolder } from '../support/folder.js';
import { LogLines } from '../support/guarded-app.js';
import { startIn } from '../support/service.js';

const PATH = '/api/v1/certificates';
let service: Awaited<ReturnType<typeof startIn>>;
let admin: Caller;
let worker: Caller;
const port = (): number => service.ports.https;
const post = (
  caller: Pick<Caller, 'tls'>,
  path: string,
  body?: object | string,
  headers: Record<string, string> = {},
) => send(port(), { method: 'POST', path, tls: caller.tls, headers, ...(body === undefined ? {} : { body }) });
const read = (caller: Pick<Caller, 'tls'>, path: string) => get(port(), path, caller.tls);
const refusal = ({ status, json }: { status: number; json: Record<string, unknown> }) => [status, json.code];
const leafOf = (chain: unknown) => decodeCertificate(decodePem(String(chain))[0]?.octets ?? new Uint8Array());

beforeAll(async () => {
  service = await startIn();
  admin = await callerOf(service, 'admin-client');
  worker = await callerOf(service, 'veritas-worker');
});
afterAll(() => service.close());

describe('issuing', () => {
  test('role issuer: any service, profile and name, in JSON; the certificate works at once', async () => {
    const key = newKey();
    const answer = await post(admin, PATH, {
      csr: csrOf(key, 'test-client'),
      profile: 'service',
      names: ['DNS:test.local', 'IP:10.0.0.7'],
      ttl: '2h',
    });
    expect(answer.status).toBe(201);
    expect(answer.json).toMatchObject({
      subject: 'CN=test-client,O=VERITAS Framework',
      names: ['DNS:test-client', 'DNS:test.local', 'IP:10.0.0.7'],
      serial_number: leafOf(answer.json.chain).serialNumber,
    });
    expect(answer.headers.location).toBe(`${PATH}/${String(answer.json.serial_number)}`);
    const { tls } = withCertificate(service.folder, key, String(answer.json.chain));
    expect((await get(port(), '/api/v1/whoami', tls)).json).toMatchObject({ service: 'test-client', roles: [] });
  });

  test('as application/pkcs10, PEM and DER, with the terms in the query and a PEM chain back', async () => {
    const pem = csrOf(newKey(), 'test-client');
    const der = Buffer.from(decodePem(pem)[0]?.octets ?? []);
    for (const body of [pem, der]) {
      const answer = await post(admin, `${PATH}?profile=server&names=DNS:a.local&names=DNS:b.local&ttl=900`, body, {
        'content-type': 'application/pkcs10',
        accept: 'application/pem-certificate-chain',
      });
      expect([answer.status, answer.headers['content-type']]).toEqual([
        201,
        expect.stringContaining('application/pem-certificate-chain'),
      ]);
      expect(decodePem(answer.text)).toHaveLength(2);
      const { subjectAltName } = new X509Certificate(answer.text);
      expect(subjectAltName).toBe('DNS:test-client, DNS:a.local, DNS:b.local');
    }
  });

  test('a service itself: what it holds, and no more', async () => {
    const own = await post(worker, PATH, { csr: csrOf(newKey(), 'veritas-worker') });
    expect(own.status).toBe(201);
    expect(leafOf(own.json.chain).notAfter.getTime()).toBeLessThanOrEqual(Date.now() + 86_400_000);
    const csr = csrOf(newKey(), 'veritas-worker');
    for (const [more, expected] of [
      [{ service: 'admin-client', csr: csrOf(newKey(), 'admin-client') }, [403, 'not_the_holder']],
      [{ csr: csrOf(newKey(), 'admin-client') }, [400, 'subject_not_allowed']],
      [{ profile: 'service' }, [403, 'not_the_holder']],
      [{ names: ['DNS:admin-client'] }, [400, 'name_not_allowed']],
      [{ ttl: '30d' }, [400, 'lifetime_not_allowed']],
    ] as const)
      expect([more, refusal(await post(worker, PATH, { csr, ...more }))]).toEqual([more, expected]);
  });

  test.each<[string, object | string, unknown[]]>([
    ['no body', '', [400, 'bad_request']],
    ['an unknown field', { csr: 'x', ca: true }, [400, 'bad_request']],
    ['no request', { profile: 'client' }, [400, 'bad_request']],
    ['a request that is none', { csr: 'hello' }, [400, 'request_malformed']],
    ['an unknown profile', { csr: csrOf(newKey(), 'x'), profile: 'root' }, [400, 'profile_unknown']],
    ['a time that is none', { csr: csrOf(newKey(), 'x'), ttl: 'soon' }, [400, 'bad_request']],
    ['a name of no known kind', { csr: csrOf(newKey(), 'x'), names: ['x.local'] }, [400, 'bad_request']],
    ['a wildcard', { csr: csrOf(newKey(), 'x'), names: ['DNS:*.local'] }, [400, 'name_malformed']],
    ['a body that is too large', { csr: 'x'.repeat(2_000_000) }, [413, 'payload_too_large']],
  ])('%s: a problem document, and nothing is signed', async (_, body, expected) => {
    const ca = service.application.get(CaService, { strict: false });
    // Those of services: the CA has its OCSP responder's certificate made when it likes.
    const issued = async (): Promise<number> =>
      (await ca.list({ limit: 1000 })).rows.filter(({ profile }) => profile !== 'ocsp-responder').length;
    const before = await issued();
    const answer = await post(admin, PATH, body, { 'content-type': 'application/json' });
    expect(refusal(answer)).toEqual(expected);
    expect(answer.headers['content-type']).toContain('application/problem+json');
    expect(await issued()).toBe(before);
  });

  test('strangers and other media types are turned away', async () => {
    const csr = csrOf(newKey(), 'x');
    const stranger = { tls: clientTls(TestCa.root(), TestCa.root().issue({ commonName: 'admin-client' })) };
    const tls = { ...stranger.tls, ca: admin.tls.ca };
    expect(refusal(await post({ tls }, PATH, { csr }))).toEqual([403, 'untrusted_issuer']);
    expect(refusal(await post(admin, PATH, csr, { 'content-type': 'text/html' }))).toEqual([
      415,
      'unsupported_media_type',
    ]);
  });
});

describe('Idempotency-Key', () => {
  const issue = (caller: Caller, csr: string, key: string, more: object = {}) =>
    post(caller, PATH, { csr, ...more }, { 'idempotency-key': key });

  test('the same request under the same key gives the same certificate, one at a time and at once', async () => {
    const csr = csrOf(newKey(), 'test-client');
    const first = await issue(admin, csr, 'one');
    expect((await issue(admin, csr, 'one')).text).toBe(first.text);
    const another = csrOf(newKey(), 'test-client');
    const answers = await Promise.all(Array.from({ length: 8 }, () => issue(admin, another, 'two')));
    expect(answers.map(({ status }) => status)).toEqual(Array(8).fill(201));
    expect(new Set(answers.map(({ json }) => json.serial_number)).size).toBe(1);
  });

  test('another request under it is refused; another caller and another key are something else', async () => {
    const csr = csrOf(newKey(), 'veritas-worker');
    const first = await issue(admin, csr, 'three');
    for (const more of [
      { ttl: '1h' },
      { profile: 'server' },
      { service: 'veritas-worker' },
      { names: ['DNS:veritas-worker.local'] },
    ])
      expect([more, refusal(await issue(admin, csr, 'three', more))]).toEqual([more, [422, 'idempotency_key_reused']]);
    expect(refusal(await issue(admin, csrOf(newKey(), 'x'), 'three'))).toEqual([422, 'idempotency_key_reused']);
    const others = [await issue(worker, csr, 'three'), await issue(admin, csr, 'four')];
    expect(new Set([first, ...others].map(({ json }) => json.serial_number)).size).toBe(3);
    expect(refusal(await issue(admin, csr, 'x'.repeat(256)))).toEqual([400, 'bad_request']);
  });
});

describe('renewal', () => {
  test('the same names for a new key, by the certificate alone, on the allow-list or not', async () => {
    for (const name of ['veritas-agent', 'not-on-the-list']) {
      const old = await callerOf(service, name, 'service');
      const key = newKey();
      const answer = await post(old, `${PATH}/renewal`, { csr: csrOf(key, name) });
      expect(answer.status).toBe(201);
      const [before, after] = [leafOf(old.chainPem), leafOf(answer.json.chain)];
      expect(after.subject.key).toBe(before.subject.key);
      expect(after.extensions.subjectAltName).toEqual(before.extensions.subjectAltName);
      expect(after.extensions.extendedKeyUsage).toEqual(before.extensions.extendedKeyUsage);
      expect(after.notAfter.getTime() - after.notBefore.getTime()).toBe(
        before.notAfter.getTime() - before.notBefore.getTime(),
      );
      // The new one renews in its turn.
      const next = withCertificate(service.folder, key, String(answer.json.chain));
      expect((await post(next, `${PATH}/renewal`, { csr: csrOf(newKey(), name) })).status).toBe(201);
    }
  });

  test('is refused for the old key, other names, a revoked certificate and one of another CA', async () => {
    const old = await callerOf(service, 'veritas-agent');
    const renew = (csr: string) => post(old, `${PATH}/renewal`, { csr });
    expect(refusal(await renew(csrOf(old.key, 'veritas-agent')))).toEqual([400, 'key_not_new']);
    expect(refusal(await renew(csrOf(newKey(), 'admin-client')))).toEqual([400, 'subject_not_allowed']);
    await post(old, `${PATH}/${old.serialNumber}/revocation`, {});
    expect(refusal(await renew(csrOf(newKey(), 'veritas-agent')))).toEqual([403, 'certificate_revoked']);
  });
});

describe('what changes meanwhile', () => {
  test('a certificate that is revoked is not handed out again under its Idempotency-Key', async () => {
    const csr = csrOf(newKey(), 'test-client');
    const issue = () => post(admin, PATH, { csr }, { 'idempotency-key': 'replayed' });
    const first = await issue();
    await post(admin, `${PATH}/${String(first.json.serial_number)}/revocation`, { reason: 'superseded' });
    expect(refusal(await issue())).toEqual([409, 'idempotency_key_over']);
  });

  test('nor is one that is good, for a key that is compromised', async () => {
    const csr = csrOf(newKey(), 'test-client');
    const issue = (key: string) => post(admin, PATH, { csr }, { 'idempotency-key': key });
    const [, second] = [await issue('good'), await issue('lost')];
    await post(admin, `${PATH}/${String(second.json.serial_number)}/revocation`, { reason: 'keyCompromise' });
    expect(refusal(await issue('good'))).toEqual([400, 'key_compromised']);
  });

  test('a certificate that is being revoked gives no new one once that is known', async () => {
    const ca = service.application.get(CaService, { strict: false });
    const outcomes = await Promise.all(
      Array.from({ length: 12 }, async (_, i) => {
        const old = await callerOf(service, 'veritas-agent');
        const { fingerprint256 } = leafOf(old.chainPem);
        const holder = { serialNumber: old.serialNumber, fingerprint256 };
        const requester = { actor: 'veritas-agent', requestId: 'test' };
        const [revoked, renewed] = await Promise.allSettled([
          ca.revoke({ serialNumber: old.serialNumber, requester }),
          ca[i % 2 ? 'renew' : 'issueToHolder']({ request: csrOf(newKey(), 'veritas-agent'), holder, requester }),
        ]);
        const revokedAt = revoked.status === 'fulfilled' ? revoked.value.revokedAt.getTime() : 0;
        const row = renewed.status === 'fulfilled' ? await ca.find(renewed.value.certificate.serialNumber) : undefined;
        return row === undefined || row.issued_at <= revokedAt;
      }),
    );
    expect(outcomes).toEqual(Array(12).fill(true));
  });
});

describe('a browser that was led here by another site', () => {
  test.each<Record<string, string>>([
    { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' },
    { 'sec-fetch-site': 'same-site' },
    { origin: 'https://evil.example' },
    { origin: 'null' },
  ])('%j: refused, and nothing is revoked', async (headers) => {
    const victim = await callerOf(service, 'veritas-agent');
    const path = `${PATH}/${victim.serialNumber}/revocation`;
    for (const body of [undefined, {}])
      expect(refusal(await post(admin, path, body, headers))).toEqual([403, 'route_not_allowed']);
    expect((await read(victim, '/api/v1/test')).status).toBe(200);
  });

  test('forms are read from nobody; our own pages may ask', async () => {
    const victim = await callerOf(service, 'veritas-agent');
    const path = `${PATH}/${victim.serialNumber}/revocation`;
    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    expect((await post(admin, path, 'reason=keyCompromise', form)).status).toBe(415);
    const own = { 'sec-fetch-site': 'same-origin', origin: `https://localhost:${port()}`, host: `localhost:${port()}` };
    expect((await post(admin, path, {}, own)).status).toBe(200);
  });
});

test('what a handler refuses by itself is in the log like any refusal', async () => {
  Logger.overrideLogger(LogLines.shared);
  const path = `${PATH}/${admin.serialNumber}/revocation`;
  for (const [caller, headers] of [
    [worker, {}],
    [admin, { origin: 'https://evil.example' }],
  ] as const) {
    const { status, json } = await post(caller, path, {}, headers);
    expect([status, json.code]).toEqual([403, 'route_not_allowed']);
    const line = LogLines.shared.events('refused').find(({ request_id }) => request_id === json.request_id);
    expect(line).toMatchObject({
      code: 'route_not_allowed',
      route: `${PATH}/:serial/revocation`,
      service: caller === admin ? 'admin-client' : 'veritas-worker',
      mend: 'Ask the owner of the route to allow the service.',
      checks: expect.arrayContaining([{ check: 'route', ok: false }]),
    });
  }
});

test('octets where JSON belongs are refused at once, whoever sends them', async () => {
  const path = `${PATH}/${worker.serialNumber}/revocation`;
  const octets = Buffer.alloc(100_000, 1).toString('latin1');
  const pkcs10 = { 'content-type': 'application/pkcs10' };
  expect(refusal(await post(worker, path, octets, pkcs10))).toEqual([415, 'unsupported_media_type']);
  expect((await read(worker, `${PATH}/${worker.serialNumber}`)).json.status).toBe('active');
});

test.each(['%2E%2E/admin', '..%2Fadmin', '%2e%2e/admin', 'a%5Cb', '%61dmin'])(
  'a URI with %s in its path is no name',
  async (text) => {
    const names = [`URI:https://example.org/app/${text}`];
    expect(refusal(await post(admin, PATH, { csr: csrOf(newKey(), 'x'), names }))).toEqual([400, 'name_malformed']);
  },
);

test('what stands in the query where nothing belongs is not passed over', async () => {
  const { serialNumber } = await callerOf(service, 'veritas-agent');
  const [renewal, path] = [`${PATH}/renewal?ttl=1h`, `${PATH}/${serialNumber}/revocation`];
  expect(refusal(await post(worker, renewal, { csr: csrOf(newKey(), 'veritas-worker') }))).toEqual([
    400,
    'bad_request',
  ]);
  const asked = await post(admin, `${path}?reason=keyCompromise`);
  expect([refusal(asked), asked.json.detail]).toEqual([
    [400, 'bad_request'],
    'the query is not as documented: Unrecognized key: "reason"',
  ]);
  expect(refusal(await post(admin, path, 'null', { 'content-type': 'application/json' }))).toEqual([
    400,
    'bad_request',
  ]);
  expect((await read(admin, `${PATH}/${serialNumber}`)).json.status).toBe('active');
});

test.each<[string, string, Record<string, string>, string]>([
  ['no body', '', {}, 'the body is not a JSON object'],
  ...['text/plain', 'application/x-www-form-urlencoded'].map(
    (type): [string, string, Record<string, string>, string] => [
      type,
      'x',
      { 'content-type': type },
      'A body is taken as application/json and, where it is a certification request, as application/pkcs10.',
    ],
  ),
])('%s where a request belongs: the answer says what does', async (_, body, headers, detail) => {
  expect((await post(admin, PATH, body, headers)).json.detail).toBe(detail);
});

describe('the inventory', () => {
  test('role auditor: pages, filters and single certificates', async () => {
    const first = await read(admin, `${PATH}?limit=2&service=veritas-worker`);
    expect(first.json.certificates).toHaveLength(2);
    const second = await read(admin, `${PATH}?limit=2&service=veritas-worker&cursor=${String(first.json.next)}`);
    const serials = [first, second].flatMap(({ json }) =>
      (json.certificates as { serial_number: string; service: string }[]).map((each) => each.serial_number),
    );
    expect(new Set(serials).size).toBe(serials.length);
    const { json } = await read(admin, `${PATH}/${worker.serialNumber.toUpperCase()}`);
    expect(json).toMatchObject({ serial_number: worker.serialNumber, service: 'veritas-worker', status: 'active' });
    expect(leafOf(json.certificate).serialNumber).toBe(worker.serialNumber);
    const other = await read(admin, `${PATH}?limit=2&status=active&cursor=${String(first.json.next)}`);
    expect([...refusal(other), other.json.detail]).toEqual([
      400,
      'cursor_malformed',
      'The cursor was not made here, or for another filter. Take `next` of the page before, with the filter of that page.',
    ]);
    const none = await read(admin, `${PATH}?expires_before=2020-01-01`);
    expect(none.json).toEqual({ certificates: [], next: null });
  });

  test.each([
    ['?limit=0', 400, 'bad_request'],
    ['?limit=1001', 400, 'bad_request'],
    ['?status=hold', 400, 'bad_request'],
    ['?status=active&status=revoked', 400, 'bad_request'],
    ['?expires_before=tomorrow', 400, 'bad_request'],
    ['?cursor=abc', 400, 'cursor_malformed'],
    ['?where=1', 400, 'bad_request'],
    ['?service=a%00b', 400, 'bad_request'],
    ['/ffff', 404, 'serial_unknown'],
    ['/nothing', 404, 'serial_unknown'],
  ])('%s: %i %s', async (path, status, code) => {
    expect(refusal(await read(admin, `${PATH}${path}`))).toEqual([status, code]);
  });

  test('a path that cannot be routed', async () => {
    expect(refusal(await read(admin, `${PATH}/%ff`))).toEqual([400, 'bad_request']);
    expect(refusal(await read(admin, `${PATH}/${'f'.repeat(7000)}`))).toEqual([414, 'uri_too_long']);
  });

  test('a time that is none: the answer says how one is written', async () => {
    const { json } = await read(admin, `${PATH}?expires_before=30d`);
    expect(json.detail).toBe(
      'the query is not as documented: expires_before: must be a date or a time, such as 2027-01-31 or 2027-01-31T12:00:00Z',
    );
  });

  test.each(['', '%20', '1e1', '0x10', '1.0', '01', '%2B5', '-0', 'NaN', '5%0A', '1001', '5&limit=5'])(
    '?limit=%s is no number: the answer says what is',
    async (limit) => {
      const { status, json } = await read(admin, `${PATH}?limit=${limit}`);
      expect([status, json.detail]).toEqual([
        400,
        'the query is not as documented: limit: must be a whole number from 1 to 1000',
      ]);
    },
  );

  test('others see their own certificates, and cannot tell what else there is', async () => {
    expect(refusal(await read(worker, PATH))).toEqual([403, 'route_not_allowed']);
    expect((await read(worker, `${PATH}/${worker.serialNumber}`)).status).toBe(200);
    const [foreign, absent] = [await read(worker, `${PATH}/${admin.serialNumber}`), await read(worker, `${PATH}/ffff`)];
    expect(refusal(foreign)).toEqual([403, 'route_not_allowed']);
    const without = ({ json }: typeof foreign) => ({ ...json, request_id: '' });
    expect(without(absent)).toEqual(without(foreign));
  });
});

describe('revocation', () => {
  test('by role issuer and by the holder; asking again changes nothing', async () => {
    const victim = await callerOf(service, 'veritas-agent');
    const path = `${PATH}/${victim.serialNumber}/revocation`;
    expect(refusal(await post(worker, path, { reason: 'keyCompromise' }))).toEqual([403, 'route_not_allowed']);
    const first = await post(admin, path, { reason: 'keyCompromise' });
    expect([first.status, first.json]).toMatchObject([
      200,
      { serial_number: victim.serialNumber, reason: 'keyCompromise', already_revoked: false },
    ]);
    expect((await post(admin, path, { reason: 'superseded' })).json).toEqual({ ...first.json, already_revoked: true });
    expect(refusal(await read(victim, '/api/v1/test'))).toEqual([403, 'certificate_revoked']);
    const holder = await callerOf(service, 'veritas-agent');
    const own = await post(holder, `${PATH}/${holder.serialNumber}/revocation`);
    expect([own.status, own.json.reason]).toEqual([200, 'unspecified']);
  });

  test('a hold and its release, by role issuer alone', async () => {
    const held = await callerOf(service, 'veritas-agent');
    const path = `${PATH}/${held.serialNumber}/revocation`;
    expect(refusal(await post(held, path, { reason: 'certificateHold' }))).toEqual([403, 'route_not_allowed']);
    expect((await post(admin, path, { reason: 'certificateHold' })).status).toBe(200);
    expect(refusal(await read(held, '/api/v1/test'))).toEqual([403, 'certificate_revoked']);
    const beside = await callerOf(service, 'veritas-agent');
    expect(refusal(await post(beside, path, { reason: 'removeFromCRL' }))).toEqual([403, 'route_not_allowed']);
    expect(
      refusal(await post(admin, path, { reason: 'removeFromCRL', invalidity_date: '2026-01-01T00:00:00Z' })),
    ).toEqual([400, 'invalidity_date_not_allowed']);
    expect((await post(admin, path, { reason: 'removeFromCRL' })).json).toEqual({
      serial_number: held.serialNumber,
      reason: 'removeFromCRL',
      revoked_at: null,
      already_revoked: false,
    });
    expect((await read(held, '/api/v1/test')).status).toBe(200);
    const tomorrow = new Date(Date.now() + 86_400_000).toISOString();
    const dated = { reason: 'keyCompromise', invalidity_date: tomorrow };
    for (const date of [tomorrow, '1969-12-31T23:59:59Z', '0000-01-01T00:00:00+23:00'])
      expect(refusal(await post(admin, path, { ...dated, invalidity_date: date }))).toEqual([
        400,
        'invalidity_date_not_allowed',
      ]);
    const past = { ...dated, invalidity_date: '2026-01-01T00:00:00Z' };
    expect((await post(admin, path, past)).status).toBe(200);
    expect((await read(admin, `${PATH}/${held.serialNumber}`)).json).toMatchObject({
      invalidity_date: '2026-01-01T00:00:00.000Z',
    });
    expect(refusal(await post(admin, path, { reason: 'removeFromCRL' }))).toEqual([409, 'revocation_final']);
  });

  test('the role issuer releases nothing that it could not have issued: a release lets somebody in', async () => {
    const pipeline = await callerOf(service, 'veritas-frontend');
    const registered = '/api/v1/services/veritas-frontend';
    const body = { state: 'allowed', roles: ['issuer'] };
    expect((await send(port(), { method: 'PUT', path: registered, tls: admin.tls, body })).status).toBe(200);
    const stolen = await callerOf(service, 'admin-client');
    for (const [held, expected] of [
      [stolen, [403, 'requester_not_allowed']],
      [worker, [200, undefined]],
    ] as const) {
      const path = `${PATH}/${held.serialNumber}/revocation`;
      expect((await post(pipeline, path, { reason: 'certificateHold' })).status).toBe(200);
      expect(refusal(await post(pipeline, path, { reason: 'removeFromCRL' }))).toEqual(expected);
      expect((await read(held, '/api/v1/test')).status).toBe(held === worker ? 200 : 403);
      expect((await post(admin, path, { reason: 'removeFromCRL' })).json.already_revoked).toBe(held === worker);
      expect((await read(held, '/api/v1/test')).status).toBe(200);
    }
    expect((await send(port(), { method: 'DELETE', path: registered, tls: admin.tls })).status).toBe(200);
  });

  test('reasons that do not fit and CA certificates are refused', async () => {
    const ca = service.application.get(CaService, { strict: false });
    const path = (serialNumber: string) => `${PATH}/${serialNumber}/revocation`;
    expect(refusal(await post(admin, path(worker.serialNumber), { reason: 'cACompromise' }))).toEqual([
      400,
      'reason_not_allowed',
    ]);
    expect(refusal(await post(worker, path(ca.issuing.certificate.serialNumber), {}))).toEqual([
      403,
      'route_not_allowed',
    ]);
    const root = ca.authorities[0]?.certificate.serialNumber ?? '';
    expect(refusal(await post(admin, path(root), {}))).toEqual([400, 'certificate_not_revocable']);
    expect(refusal(await post(admin, path('ffff'), {}))).toEqual([404, 'serial_unknown']);
  });
});

test('the OpenAPI document says what the CA takes and gives', async () => {
  const { json } = await get(port(), '/openapi.json', worker.tls);
  const paths = json.paths as Record<
    string,
    Record<
      string,
      {
        requestBody?: { content: object };
        responses: Record<string, object>;
        parameters?: { name: string }[];
        security: object[];
        description: string;
      }
    >
  >;
  expect(paths[PATH]?.post).toMatchObject({
    requestBody: { content: { 'application/json': { schema: { required: ['csr'] } } } },
    responses: {
      201: {
        headers: { Location: {} },
        content: { 'application/json': {}, 'application/pem-certificate-chain': {} },
      },
      400: {
        description: expect.stringContaining('`name_not_allowed`: ask only for names that this service may have.'),
      },
    },
    security: [{ mutualTLS: ['issuer'] }, { mutualTLS: [] }],
    description: expect.stringContaining('role `issuer`'),
  });
  expect(Object.keys(paths[PATH]?.post?.requestBody?.content ?? {})).toEqual([
    'application/json',
    'application/pkcs10',
  ]);
  expect(Object.keys(paths[PATH]?.post?.responses ?? {})).toEqual([
    '201',
    '400',
    '401',
    '403',
    '409',
    '413',
    '415',
    '422',
    '429',
    '500',
    '503',
  ]);
  expect(paths[PATH]?.post?.parameters?.map(({ name }) => name)).toEqual([
    'profile',
    'service',
    'names',
    'ttl',
    'Idempotency-Key',
  ]);
  expect(paths[`${PATH}/{serial}`]?.get?.responses).toMatchObject({
    400: { description: expect.stringContaining('`bad_request`') },
    414: { description: expect.stringContaining('`uri_too_long`') },
  });
  expect(paths['/api/v1/services/{name}']?.put?.responses).toMatchObject({
    201: { headers: { Location: {}, ETag: {} } },
  });
  expect(Object.keys(paths['/api/v1/services/{name}']?.delete?.responses ?? {})).toEqual(
    expect.arrayContaining(['413', '415']),
  );
  expect(paths[`${PATH}/enrollment`]?.post).toMatchObject({ security: [{ enrollmentToken: [] }] });
  expect(paths[PATH]?.get).toMatchObject({ security: [{ mutualTLS: ['auditor'] }] });
  expect(paths['/health']?.get?.responses).toMatchObject({ 200: { content: {} }, 503: { content: {} } });
  expect((json.components as { securitySchemes: object }).securitySchemes).toMatchObject({
    mutualTLS: { type: 'mutualTLS' },
    enrollmentToken: { type: 'http', scheme: 'bearer' },
  });
  expect(paths[PATH]?.get?.parameters?.map(({ name }) => name)).toEqual([
    'status',
    'service',
    'expires_before',
    'cursor',
    'limit',
  ]);
  expect(paths[PATH]?.get?.parameters?.at(-1)).toMatchObject({
    required: false,
    schema: { type: 'integer', minimum: 1, maximum: 1000, default: 100 },
  });
  expect(Object.keys(paths)).toEqual(
    expect.arrayContaining([`${PATH}/renewal`, `${PATH}/{serial}`, `${PATH}/{serial}/revocation`]),
  );
});

test('a service of another CA that is trusted has no role here, whatever it is called', async () => {
  const open = await startIn(temporaryFolder(), { VERITAS_MTLS_REVOCATION: 'soft-fail' });
  const other = TestCa.root();
  const bundle = join(open.folder, 'certs/ca_bundle.pem');
  replaceFile(bundle, readFileSync(bundle, 'utf8') + other.certificatePem);
  const { chainPem, certificatePem, key } = other.issue({ commonName: 'admin-client' });
  const { tls } = withCertificate(open.folder, key, chainPem || certificatePem);
  const whoami = () => get(open.ports.https, '/api/v1/whoami', tls);
  let answer = await whoami();
  // Until the new bundle is taken up.
  for (; answer.status !== 200; answer = await whoami()) expect(answer.json.code).toBe('untrusted_issuer');
  expect(answer.json).toMatchObject({ service: 'admin-client', roles: [] });
  const body = { csr: csrOf(newKey(), 'billing') };
  const issued = await send(open.ports.https, { method: 'POST', path: PATH, tls, body });
  expect(refusal(issued)).toEqual([403, 'not_the_holder']);
  // Nor is it the holder of the certificate that has the number of its own.
  const { serialNumber } = await callerOf(open, 'admin-client');
  const twin = other.issue({ commonName: 'admin-client', serialNumber: Buffer.from(serialNumber, 'hex') });
  const as = withCertificate(open.folder, twin.key, twin.certificatePem);
  for (const [path, more, code] of [
    [PATH, { csr: csrOf(newKey(), 'admin-client') }, 'not_the_holder'],
    [`${PATH}/renewal`, { csr: csrOf(newKey(), 'admin-client') }, 'not_the_holder'],
    [`${PATH}/${serialNumber}/revocation`, {}, 'route_not_allowed'],
  ] as const)
    expect(refusal(await send(open.ports.https, { method: 'POST', path, tls: as.tls, body: more }))).toEqual([
      403,
      code,
    ]);
  await open.close();
});
