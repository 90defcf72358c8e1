import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { createPublicKey } from 'node:crypto';
import { CaService, EnrollmentService, openCertificationAuthority } from '../../src/pki/index.js';
import { openStore } from '../../src/store/index.js';
import { decodeCertificate, decodePem, encodeExtensionOf } from '../../src/x509/index.js';
import { csrOf, newKey, send, withCertificate } from '../support/certificate-client.js';
import { certificationRequestPem } from '../support/certification-request.js';
import { get, type Answer } from '../support/client.js';
import { temporaryFolder } from '../support/folder.js';
import { configurationIn, developmentTls, startIn } from '../support/service.js';

const PATH = '/api/v1/certificates/enrollment';
const requester = { actor: 'test', requestId: 'test', standing: 'operator' } as const;
let service: Awaited<ReturnType<typeof startIn>>;

beforeAll(async () => {
  service = await startIn();
});
afterAll(() => service.close());

const enrollment = (): EnrollmentService => service.application.get(EnrollmentService, { strict: false });
const tokenFor = async (name: string, more: object = {}): Promise<string> =>
  (await enrollment().createToken({ service: name, requester, ...more })).token;
const trade = (token: string | undefined, csr: string): Promise<Answer> =>
  send(service.ports.https, {
    method: 'POST',
    path: PATH,
    // No certificate yet: this is how the first one is had.
    tls: developmentTls(service.folder),
    body: { csr },
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
  });
const leafOf = ({ json }: Answer) => decodeCertificate(decodePem(String(json.chain))[0]?.octets ?? new Uint8Array());

test('a token is traded for a certificate on its terms, which works at once', async () => {
  const token = await tokenFor('veritas-worker', {
    profile: 'client',
    lifetime: 3600,
    names: [{ kind: 'dns', value: 'worker.local' }],
  });
  const key = newKey();
  const answer = await trade(token, csrOf(key, 'veritas-worker'));
  expect(answer.status).toBe(201);
  expect(answer.headers['cache-control']).toBe('no-store');
  expect(answer.json.names).toEqual(['DNS:veritas-worker', 'DNS:worker.local']);
  const { notBefore, notAfter, extensions } = leafOf(answer);
  expect(notAfter.getTime() - notBefore.getTime()).toBe((3600 + 600) * 1000);
  expect(extensions.extendedKeyUsage).toHaveLength(1);
  const { tls } = withCertificate(service.folder, key, String(answer.json.chain));
  expect((await get(service.ports.https, '/api/v1/whoami', tls)).json).toMatchObject({ service: 'veritas-worker' });
});

describe('a token', () => {
  test('is good once; for the same key it gives the same certificate again', async () => {
    const token = await tokenFor('veritas-worker');
    const csr = csrOf(newKey(), 'veritas-worker');
    const first = await trade(token, csr);
    const again = await trade(token, csr);
    expect([again.status, again.json.serial_number]).toEqual([201, first.json.serial_number]);
    const other = await trade(token, csrOf(newKey(), 'veritas-worker'));
    expect([other.status, other.json.code]).toEqual([401, 'token_not_valid']);
  });

  test('that is not there is told from one that is not good', async () => {
    const { json } = await trade(undefined, csrOf(newKey(), 'veritas-worker'));
    expect([json.code, json.detail]).toEqual([
      'token_not_valid',
      'The request has no `Authorization: Bearer` with a token. Ask the operator for a new enrollment token.',
    ]);
  });

  test('is good once for many at the same time', async () => {
    const token = await tokenFor('veritas-worker');
    const answers = await Promise.all(Array.from({ length: 8 }, () => trade(token, csrOf(newKey(), 'veritas-worker'))));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, ...Array<number>(7).fill(401)]);
    const last = 'select serial from enrollment_token where spent_at is not null order by spent_at desc limit 1';
    const [row] = await service.query(last);
    expect(row?.serial).toBe(answers.find(({ status }) => status === 201)?.json.serial_number);
  });

  test('gives the same certificate to one that asks many times at once, as it does when it asks again', async () => {
    const token = await tokenFor('veritas-worker');
    const csr = csrOf(newKey(), 'veritas-worker');
    const answers = await Promise.all(Array.from({ length: 8 }, () => trade(token, csr)));
    const [first] = answers;
    expect(answers.map(({ status, json }) => [status, json.serial_number])).toEqual(
      Array(8).fill([201, first?.json.serial_number]),
    );
  });

  test('is for its service and its names alone, and is not used up by a bad request', async () => {
    const other = encodeExtensionOf.subjectAltName([{ kind: 'dns', value: 'other.local' }]);
    const token = await tokenFor('veritas-worker');
    for (const [csr, code] of [
      [csrOf(newKey(), 'admin-client'), 'subject_not_allowed'],
      [certificationRequestPem({ commonName: 'veritas-worker', extensions: [other] }), 'name_not_allowed'],
      ['hello', 'request_malformed'],
    ] as const)
      expect((await trade(token, csr)).json.code).toBe(code);
    expect((await trade(token, csrOf(newKey(), 'veritas-worker'))).status).toBe(201);
  });

  test.each([
    ['none', undefined],
    ['an empty one', ''],
    ['one that was never made', `veritas_enroll_${'A'.repeat(43)}`],
    ['another form', 'x'.repeat(300)],
    ['SQL', "veritas_enroll_' or 1=1 --"],
  ])('%s: 401, and the answer says how', async (_, token) => {
    const answer = await trade(token, csrOf(newKey(), 'veritas-worker'));
    expect([answer.status, answer.json.code, answer.headers['www-authenticate']]).toEqual([
      401,
      'token_not_valid',
      'Bearer',
    ]);
  });

  test('stands in the store and in the record as a hash only', async () => {
    const token = await tokenFor('veritas-worker');
    await trade(token, csrOf(newKey(), 'veritas-worker'));
    const all = await Promise.all(
      ['enrollment_token', 'audit', 'certificate'].map(async (table) =>
        JSON.stringify(await service.query(`select * from ${table}`)),
      ),
    );
    expect(all.join('')).not.toContain(token.slice(15));
    expect(all[1]).toContain('token.create');
  });

  test('that was not traded is ended by the operator, of one service, also while it is traded', async () => {
    const [lost, other, traded] = [await tokenFor('billing'), await tokenFor('orders'), await tokenFor('billing')];
    const csr = csrOf(newKey(), 'billing');
    const first = await trade(traded, csr);
    expect(first.status).toBe(201);
    expect(await enrollment().endTokens({ service: 'billing', requester })).toBe(1);
    expect((await trade(lost, csrOf(newKey(), 'billing'))).json.code).toBe('token_not_valid');
    expect((await trade(traded, csr)).json.serial_number).toBe(first.json.serial_number);
    expect((await trade(other, csrOf(newKey(), 'orders'))).status).toBe(201);
    const raced = await tokenFor('billing');
    const taken = service.application.get(CaService, { strict: false });
    const issue = taken.issue.bind(taken);
    const asked = jest.spyOn(taken, 'issue').mockImplementationOnce(async (wanted) => {
      expect(await enrollment().endTokens({ service: 'billing', requester })).toBe(1);
      return issue(wanted);
    });
    expect((await trade(raced, csrOf(newKey(), 'billing'))).json.code).toBe('token_not_valid');
    expect(asked).toHaveBeenCalledTimes(1);
    expect(await enrollment().endTokens({ service: 'billing', requester })).toBe(0);
  });

  test('ends', async () => {
    const folder = temporaryFolder();
    const { store: settings, pki } = configurationIn(folder);
    const store = await openStore({ path: settings.path });
    let now = Date.now();
    const ca = await openCertificationAuthority({ settings: pki, store, create: true, now: () => new Date(now) });
    const { token, expiresAt } = await ca.enrollment.createToken({ service: 'orders', ttl: 60, requester });
    expect(expiresAt.getTime()).toBe(now + 60_000);
    now += 60_001;
    const key = newKey();
    const csr = csrOf(key, 'orders');
    const request = () => csr;
    await expect(ca.enrollment.enroll({ token, request, requestId: 'r' })).rejects.toMatchObject({
      code: 'token_not_valid',
    });
    now -= 2;
    const { certificate } = await ca.enrollment.enroll({ token, request, requestId: 'r' });
    expect(Buffer.from(certificate.publicKey.der)).toEqual(
      createPublicKey(key).export({ type: 'spki', format: 'der' }),
    );
    // Nor is what it was traded for had again.
    now += 2;
    await expect(ca.enrollment.enroll({ token, request, requestId: 'r' })).rejects.toMatchObject({
      code: 'token_not_valid',
    });
    await store.close();
  });

  test.each([
    [{ service: 'Bad Name' }, 'service_name_malformed'],
    [{ service: 'a', profile: 'root' }, 'profile_unknown'],
    [{ service: 'a', profile: 'ocsp-responder' }, 'profile_not_allowed'],
    [{ service: 'a', ttl: 1.5 }, 'token_lifetime_not_allowed'],
    [{ service: 'a', ttl: 0 }, 'token_lifetime_not_allowed'],
    [{ service: 'a', ttl: 604_801 }, 'token_lifetime_not_allowed'],
    [{ service: 'a', lifetime: 10_000_000 }, 'lifetime_not_allowed'],
    [{ service: 'a', names: [{ kind: 'dns', value: '*.a' }] }, 'name_malformed'],
    [{ service: 'a', profile: 'spiffe' }, 'name_not_allowed'],
    [{ service: 'a', profile: 'spiffe', names: [{ kind: 'dns', value: 'a.b' }] }, 'name_not_allowed'],
  ] as const)('is not made for %j', async (terms, code) => {
    await expect(enrollment().createToken({ requester, ...terms })).rejects.toMatchObject({ code });
  });
});
