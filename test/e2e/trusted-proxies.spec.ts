import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { CaService } from '../../src/pki/index.js';
import { TestCa } from '../../src/testing/index.js';
import { decodePem } from '../../src/x509/index.js';
import { callerOf, csrOf, newKey, send, type Caller } from '../support/certificate-client.js';
import { clientTls, get, RawConnection } from '../support/client.js';
import { replaceFile, temporaryFolder } from '../support/folder.js';
import { WRITTEN } from '../support/forwarded-headers.js';
import { startIn } from '../support/service.js';

const PATH = '/api/v1/certificates';
let service: Awaited<ReturnType<typeof startIn>>;
let edge: Caller;
let admin: Caller;
let deployer: Caller;

beforeAll(async () => {
  service = await startIn(temporaryFolder(), {
    VERITAS_MTLS_TRUSTED_PROXIES: JSON.stringify([{ service: 'edge', format: 'rfc9440' }]),
    // The other CA publishes no list.
    VERITAS_MTLS_REVOCATION: 'soft-fail',
    VERITAS_MTLS_SERVICES: 'admin-client,deployer',
    VERITAS_MTLS_ROLES: JSON.stringify([
      { service: 'admin-client', roles: ['admin', 'issuer', 'auditor'] },
      { service: 'deployer', roles: ['issuer'] },
    ]),
  });
  [edge, admin, deployer] = [
    await callerOf(service, 'edge'),
    await callerOf(service, 'admin-client'),
    await callerOf(service, 'deployer'),
  ];
});
afterAll(() => service.close());

const octetsOf = ({ chainPem }: Pick<Caller, 'chainPem'>): Uint8Array =>
  decodePem(chainPem)[0]?.octets ?? new Uint8Array();
const handOn = (client: Pick<Caller, 'chainPem'>): Record<string, string> => ({
  'Client-Cert': WRITTEN.rfc9440(octetsOf(client)),
});
const post = (tls: Caller['tls'], path: string, csr: string, headers: Record<string, string> = {}) =>
  send(service.ports.https, { method: 'POST', path, tls, body: { csr }, headers });
const outcome = ({ status, json }: { status: number; json: Record<string, unknown> }) => [status, json.code];

test('whoami says which proxy handed the certificate on, and roles are the client’s', async () => {
  const { json } = await get(service.ports.https, '/api/v1/whoami', edge.tls, 'HTTP/2', handOn(admin));
  expect(json).toMatchObject({
    service: 'admin-client',
    roles: ['admin', 'auditor', 'issuer'],
    established_by: { method: 'proxy:edge', serial_number: admin.serialNumber },
  });
});

test('the inventory and the record name client and proxy; with Idempotency-Key both ways are one caller', async () => {
  const csr = csrOf(newKey(), 'deployer');
  const headers = { 'idempotency-key': 'one' };
  const through = await post(edge.tls, PATH, csr, { ...headers, ...handOn(admin) });
  const directly = await post(admin.tls, PATH, csr, headers);
  expect([through.status, directly.text]).toEqual([201, through.text]);
  const ca = service.application.get(CaService, { strict: false });
  const serialNumber = String(through.json.serial_number);
  expect((await ca.find(serialNumber))?.requester).toBe('admin-client via edge');
  const rows = await service.query('select distinct actor from audit where subject = $1', serialNumber);
  expect(rows.map(({ actor }) => actor)).toEqual(['admin-client via edge']);
});

test('a change of the list of services names client and proxy', async () => {
  const body = { state: 'allowed' };
  const path = '/api/v1/services/reports';
  const through = { method: 'PUT', path, tls: edge.tls, body, headers: handOn(admin) };
  expect((await send(service.ports.https, through)).json).toMatchObject({ changed_by: 'admin-client via edge' });
  const rows = await service.query('select distinct actor from audit where subject = $1', 'reports');
  expect(rows.map(({ actor }) => actor)).toEqual(['admin-client via edge']);
});

test('the proxy itself renews nothing: whoever comes through it without a certificate would', async () => {
  expect(outcome(await post(edge.tls, `${PATH}/renewal`, csrOf(newKey(), 'edge')))).toEqual([
    401,
    'client_certificate_required',
  ]);
});

test('a proxy of another CA that is trusted here is none', async () => {
  const other = TestCa.root();
  const bundle = join(service.folder, 'certs/ca_bundle.pem');
  replaceFile(bundle, readFileSync(bundle, 'utf8') + other.certificatePem);
  const port = service.ports.https;
  const twin = { ...clientTls(other, other.issue({ commonName: 'edge' })), ca: edge.tls.ca };
  for (let known = false; !known;) {
    const { json } = await get(port, '/api/v1/whoami', twin);
    known = json.code !== 'untrusted_issuer';
  }
  expect(outcome(await get(port, '/api/v1/whoami', twin, 'HTTP/1.1', handOn(admin)))).toEqual([
    400,
    'client_certificate_malformed',
  ]);
});

test('the role issuer makes no proxy, who could speak for everybody', async () => {
  expect(outcome(await post(deployer.tls, PATH, csrOf(newKey(), 'edge')))).toEqual([403, 'requester_not_allowed']);
  expect((await post(admin.tls, PATH, csrOf(newKey(), 'edge'))).status).toBe(201);
});

test('a proxy that is denied hands nothing on, is nobody all the same, and its connections end', async () => {
  const port = service.ports.https;
  const path = '/api/v1/services/edge';
  const handedOn = async () => outcome(await get(port, '/api/v1/whoami', edge.tls, 'HTTP/1.1', handOn(admin)));
  const open = await RawConnection.open(port, edge.tls);
  open.socket.write(
    `GET /api/v1/whoami HTTP/1.1\r\nHost: a\r\nClient-Cert: ${WRITTEN.rfc9440(octetsOf(admin))}\r\n\r\n`,
  );
  expect((await open.answer()).status).toBe(200);
  await send(port, { method: 'PUT', path, tls: admin.tls, body: { state: 'denied' } });
  expect(await handedOn()).toEqual([400, 'client_certificate_malformed']);
  await open.untilClosed();
  expect(outcome(await post(edge.tls, `${PATH}/renewal`, csrOf(newKey(), 'edge')))).toEqual([
    401,
    'client_certificate_required',
  ]);
  await send(port, { method: 'DELETE', path, tls: admin.tls });
  expect((await handedOn())[0]).toBe(200);
});
