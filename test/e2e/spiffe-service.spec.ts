import { createPublicKey, type JsonWebKey } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { decodeCertificate, decodePem } from '../../src/x509/index.js';
import { commandLine, type Run } from '../support/command-line.js';
import { get, type Answer } from '../support/client.js';
import { developmentTls, environmentIn, getPlain, startIn } from '../support/service.js';

type Service = Awaited<ReturnType<typeof startIn>>;
const ID = 'spiffe://home.example/ns/prod/worker';
let home: Service;
let away: Service;

beforeAll(async () => {
  home = await startIn(undefined, {
    VERITAS_MTLS_SERVICE_FROM: 'spiffe,cn',
    VERITAS_MTLS_TRUST_DOMAIN: 'home.example',
    VERITAS_MTLS_SERVICES: 'veritas-client,admin-client,spiffe://home.example/ns/*',
  });
  away = await startIn(undefined, {
    VERITAS_MTLS_SERVICE_FROM: 'cn,spiffe',
    VERITAS_MTLS_SERVICES: 'veritas-client,spiffe://home.example/ns/prod/*',
    VERITAS_MTLS_TRUST_DOMAINS: JSON.stringify([
      {
        name: 'home.example',
        bundle: `https://localhost:${home.ports.https}/.well-known/spiffe/bundle`,
        caFile: join(home.folder, 'certs/ca_bundle.pem'),
        revocation: 'off',
      },
    ]),
  });
});
afterAll(async () => {
  for (const service of [away, home]) await service.close();
});

const veritas = (folder: string, ...args: string[]): Promise<Run> => commandLine(args, environmentIn(folder));

interface Bundle {
  readonly keys: readonly (JsonWebKey & { readonly use: string; readonly x5c: readonly string[] })[];
  readonly spiffe_sequence: number;
  readonly spiffe_refresh_hint: number;
}
const bundleOf = async (service: Service): Promise<Bundle> =>
  (await get(service.ports.https, '/.well-known/spiffe/bundle', developmentTls(service.folder))).json as never;

let count = 0;
async function issue(id: string): Promise<{ cert: Buffer; key: Buffer; file: string }> {
  const [cert, key] = ['cert', 'key'].map((name) => join(home.folder, `worker-${count}.${name}`)) as [string, string];
  count++;
  const issued = await veritas(
    ...([home.folder, 'issue', '--service', 'worker', '--profile', 'spiffe', '--san', `URI:${id}`] as const),
    ...(['--cert', cert, '--key', key] as const),
  );
  expect([issued.err, issued.code]).toEqual(['', 0]);
  return { cert: readFileSync(cert), key: readFileSync(key), file: cert };
}

const call = (service: Service, path: string, client: object): Promise<Answer> =>
  get(service.ports.https, path, { ...developmentTls(service.folder), ...client });

test('a SPIFFE ID is the name of a service, and whoami says how that was established', async () => {
  const { status, json } = await call(home, '/api/v1/whoami', await issue(ID));
  expect([status, json]).toMatchObject([
    200,
    {
      service: ID,
      spiffe_id: ID,
      roles: [],
      established_by: { method: 'mtls', service_from: 'spiffe', trust_domain: 'home.example' },
    },
  ]);
  const byName = await get(home.ports.https, '/api/v1/whoami', developmentTls(home.folder, 'client'));
  expect(byName.json).toMatchObject({ service: 'veritas-client', established_by: { service_from: 'cn' } });
});

test('the trust bundle has the CA certificates that are trusted, on both listeners, with a sequence that rises', async () => {
  const bundle = await bundleOf(home);
  const trusted = decodePem(readFileSync(join(home.folder, 'certs/ca_bundle.pem'))).map(({ octets }) =>
    Buffer.from(octets).toString('base64'),
  );
  expect(bundle.keys.flatMap(({ x5c }) => x5c).sort()).toEqual(trusted.sort());
  for (const { use, x5c, ...jwk } of bundle.keys) {
    const { publicKey } = decodeCertificate(Buffer.from(x5c[0]!, 'base64'));
    const key = createPublicKey({ key: jwk, format: 'jwk' }).export({ format: 'der', type: 'spki' });
    expect([use, 'kid' in jwk, Buffer.compare(key, publicKey.der)]).toEqual(['x509-svid', false, 0]);
  }
  expect(bundle.spiffe_refresh_hint).toBe(300);
  const { status, type, body } = await getPlain(home.ports.repository!, '/.well-known/spiffe/bundle');
  expect([status, type, JSON.parse(body.toString())]).toEqual([
    200,
    expect.stringMatching(/^application\/json/),
    bundle,
  ]);
  expect(await bundleOf(home)).toEqual(bundle);
});

test('a service of one domain calls a service of another, by its SPIFFE ID and no other', async () => {
  const { status, json } = await call(away, '/api/v1/whoami', await issue(ID));
  expect([status, json]).toMatchObject([
    200,
    { service: ID, roles: [], established_by: { service_from: 'spiffe', trust_domain: 'home.example' } },
  ]);
  const test = async (id: string) => (await call(away, '/api/v1/whoami', await issue(id))).json.code;
  expect(await test('spiffe://home.example/ns/test/worker')).toBe('service_not_allowed');
  expect(await test('spiffe://away.example/ns/prod/worker')).toBe('untrusted_issuer');
  // By its common name a service of another domain is nobody here.
  const named = developmentTls(home.folder, 'client');
  expect((await call(away, '/api/v1/whoami', { cert: named.cert, key: named.key })).json.code).toBe('untrusted_issuer');
});

test('health has a part for the bundles of others', async () => {
  const partsOf = async (service: Service) =>
    (await get(service.ports.https, '/health', developmentTls(service.folder))).json.parts;
  expect(await partsOf(away)).toMatchObject({ trust_bundles: { state: 'up' } });
  expect(await partsOf(home)).not.toHaveProperty('trust_bundles');
});

test('verify decides as the guard does, by the bundle of the other domain', async () => {
  const { file } = await issue(ID);
  const verify = async (service: Service, trustDomains = service.configuration.mtls.trustDomains) => {
    const environment = environmentIn(service.folder, {
      VERITAS_MTLS_SERVICE_FROM: service.configuration.mtls.serviceFrom.join(),
      VERITAS_MTLS_SERVICES: service.configuration.mtls.services.join(),
      VERITAS_MTLS_TRUST_DOMAINS: JSON.stringify(trustDomains),
    });
    const { code, out, err } = await commandLine(['verify', file, '--json'], environment);
    if (out === '') return [code, err];
    return [code, (JSON.parse(out) as { checks: { check: string; ok: boolean }[] }).checks.filter(({ ok }) => !ok)];
  };
  expect(await verify(home)).toEqual([0, []]);
  expect(await verify(away)).toEqual([0, []]);
  // The same bundle, from a server that is known by its SPIFFE ID.
  const { cert, key } = await issue('spiffe://home.example/bundles');
  const body = JSON.stringify(await bundleOf(home));
  const server = createServer({ cert, key }, (_, response) => response.end(body)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const [domain] = away.configuration.mtls.trustDomains;
  const { caFile: endpointBundleFile, ...rest } = domain!;
  const bundle = `https://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const by = (endpointSpiffeId: string) =>
    verify(away, [{ ...rest, bundle, endpointSpiffeId, endpointBundleFile: endpointBundleFile! }]);
  expect(await by('spiffe://home.example/bundles')).toEqual([0, []]);
  expect(await by('spiffe://home.example/other')).toEqual([
    expect.any(Number),
    expect.stringMatching(/trust bundle cannot be read .*the server is refused/s),
  ]);
  server.close();
});

test('a CA that is added makes another bundle of a higher sequence', async () => {
  const before = await bundleOf(home);
  for (const step of ['prepare', 'publish'])
    expect(await veritas(home.folder, 'ca', 'rollover', step)).toMatchObject({ code: 0 });
  let after = await bundleOf(home);
  while (after.keys.length === before.keys.length) {
    await delay(10);
    after = await bundleOf(home);
  }
  expect(after.keys).toHaveLength(before.keys.length + 1);
  expect(after.spiffe_sequence).toBeGreaterThan(before.spiffe_sequence);
});
