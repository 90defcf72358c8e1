import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { stringify } from 'yaml';
import { ConfigurationError, type ConfigurationProblem } from './configuration-error.js';
import { type Configuration, configurationSchema } from './configuration.js';
import type { Environment } from './environment.js';
import { readBuiltInProfiles } from './built-in-profiles.js';
import { loadConfiguration } from './load-configuration.js';
import { Profiles } from '../pki/profile/profiles.js';
import { settingsOf } from './outline.js';

let folder: string;
let count = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'veritas-configuration-'));
});
afterAll(() => rm(folder, { recursive: true }));

const written = async (text: string | Buffer) => {
  const file = join(folder, `${count++}.yaml`);
  await writeFile(file, text);
  return file;
};

/** Loads `yaml` (text, or values to be written as YAML) below `environment`. */
async function load(yaml: unknown, environment: Environment = {}): Promise<Configuration> {
  const file = await written(typeof yaml === 'string' ? yaml : stringify(yaml));
  return loadConfiguration({ file, environment });
}

async function refusal(yaml: unknown, environment: Environment = {}): Promise<ConfigurationError> {
  const error: unknown = await load(yaml, environment).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(ConfigurationError);
  return error as ConfigurationError;
}

async function problemAt(path: string, yaml: unknown, environment: Environment = {}): Promise<ConfigurationProblem> {
  const { problems } = await refusal(yaml, environment);
  expect(problems.map((problem) => problem.path)).toEqual([path]);
  return problems[0]!;
}

const everyValue = (value: unknown): readonly unknown[] =>
  typeof value === 'object' && value !== null ? [value, ...Object.values(value).flatMap(everyValue)] : [value];

describe('what is loaded', () => {
  test('an empty file, one of comments and one of empty sections say the defaults', async () => {
    const defaults = configurationSchema.parse({});
    expect(await load('')).toEqual(defaults);
    expect(await load('# nothing\n---\n')).toEqual(defaults);
    expect(await load('http:\ntls:\nmtls: {}\n')).toEqual(defaults);
    expect(defaults).toMatchObject({
      http: { port: 5000 },
      // A CA that is taken out of the file ends its connections within a second, half of which is grace.
      tls: { minVersion: 'TLSv1.2', reloadInterval: 250 },
      pki: { crlLifetime: 86400 },
    });
    expect(defaults.mtls).toMatchObject({ revocation: 'hard-fail', exemptPaths: [], serviceFrom: ['cn'] });
    expect(defaults.mtls.services).toHaveLength(8);
  });

  test('the environment goes before the file, the file before the default', async () => {
    const { http, log } = await load(
      { http: { port: 6000, host: '127.0.0.1' } },
      { VERITAS_HTTP_PORT: '7000', VERITAS_LOG_LEVEL: 'debug' },
    );
    expect(http).toMatchObject({ port: 7000, host: '127.0.0.1', maxConnections: 10_000 });
    expect(log.level).toBe('debug');
  });

  test('each kind of setting is read from the environment', async () => {
    const { http, tls, mtls, pki, repository } = await load('', {
      VERITAS_HTTP_MAX_HEADER_SIZE: '32768',
      VERITAS_HTTP_KEEP_ALIVE_TIMEOUT: '15m',
      VERITAS_TLS_MIN_VERSION: 'TLSv1.3',
      VERITAS_TLS_SESSION_TIMEOUT: '45',
      VERITAS_TLS_SESSION_TICKETS: 'false',
      VERITAS_MTLS_SERVICES: 'orders, billing',
      VERITAS_MTLS_EXEMPT_PATHS: '',
      VERITAS_MTLS_CRLS: '[{"source":"a.crl"},{"source":"http://b/c.crl","issuer":"b.pem"}]',
      VERITAS_PKI_CRL_LIFETIME: '2d',
      VERITAS_REPOSITORY_ENABLED: 'true',
      PATH: '/bin',
      VERITASX: 'not ours',
    });
    expect(http).toMatchObject({ maxHeaderSize: 32_768, keepAliveTimeout: 900_000 });
    expect(tls).toMatchObject({ minVersion: 'TLSv1.3', sessionTimeout: 45, sessionTickets: false });
    expect(mtls.services).toEqual(['orders', 'billing']);
    expect(mtls.exemptPaths).toEqual([]);
    expect(mtls.crls).toEqual([{ source: 'a.crl' }, { source: 'http://b/c.crl', issuer: 'b.pem' }]);
    expect(pki.crlLifetime).toBe(172_800);
    expect(repository.enabled).toBe(true);
  });

  test('lists and lists of objects are read from the file', async () => {
    const crls = [{ source: '/etc/other.crl', issuer: 'other.pem' }, { source: 'https://ca.test/x.crl?part=1' }];
    const rates = ['*', `${'a'.repeat(63)}.b`, 'spiffe://a/b'].map((service) => ({ service, perSecond: 1, burst: 1 }));
    const { mtls } = await load({ mtls: { crls, services: ['a'], exemptPaths: ['/health'], rates } });
    expect(mtls).toMatchObject({ crls, services: ['a'], exemptPaths: ['/health'], rates });
  });

  test('is frozen to the last list', async () => {
    const configuration = await load({ mtls: { crls: [{ source: 'a.crl' }] } });
    for (const value of everyValue(configuration)) expect(Object.isFrozen(value)).toBe(true);
    expect(() => {
      (configuration.mtls.services as string[]).push('intruder');
    }).toThrow(TypeError);
    expect((await load('')).mtls.services).not.toContain('intruder');
  });

  test('leaves the environment as it was', async () => {
    const environment = Object.freeze({ VERITAS_HTTP_PORT: '7000' });
    const before = { ...process.env };
    await load('', environment);
    expect(process.env).toEqual(before);
  });

  test('every setting has a variable of its own, a description and facts', () => {
    const settings = settingsOf(configurationSchema);
    expect(new Set(settings.map(({ variable }) => variable)).size).toBe(settings.length);
    for (const { key, description } of settings) expect(`${key}: ${description}`).toMatch(/: .*\.$/);
    expect(settings.find(({ key }) => key === 'tls.minVersion')?.variable).toBe('VERITAS_TLS_MIN_VERSION');
  });
});

describe('the file', () => {
  test('VERITAS_CONFIG names it, and the argument goes before that', async () => {
    const [first, second] = [await written('http: { port: 1 }'), await written('http: { port: 2 }')];
    expect(loadConfiguration({ environment: { VERITAS_CONFIG: first } }).http.port).toBe(1);
    expect(loadConfiguration({ file: second, environment: { VERITAS_CONFIG: first } }).http.port).toBe(2);
  });

  test('may be missing at its default place, but not when it was named', () => {
    const missing = join(folder, 'missing.yaml');
    const before = process.cwd();
    process.chdir(folder);
    try {
      expect(loadConfiguration({ environment: {} })).toEqual(configurationSchema.parse({}));
    } finally {
      process.chdir(before);
    }
    expect(() => loadConfiguration({ file: missing, environment: {} })).toThrow(
      /missing\.yaml: cannot be read: it does not exist/,
    );
    expect(() => loadConfiguration({ environment: { VERITAS_CONFIG: missing } })).toThrow(ConfigurationError);
    expect(() => loadConfiguration({ file: folder, environment: {} })).toThrow(/it is a folder/);
    expect(() => loadConfiguration({ environment: { VERITAS_CONFIG: '' } })).toThrow(/- VERITAS_CONFIG: is empty/);
    expect(() => loadConfiguration({ file: '', environment: {} })).toThrow(/- --config: is empty/);
  });

  test('is refused over 65536 octets, and read up to them', async () => {
    const line = 'log: { level: warn }\n#';
    expect((await load(line + 'x'.repeat(65_536 - line.length))).log.level).toBe('warn');
    expect((await refusal(line + 'x'.repeat(65_537 - line.length))).message).toContain('over 65536 octets');
  });

  test.each([
    ['a repeated key', 'http:\n  port: 1\n  port: 2\n', /:3: .*duplicate key/],
    ['an alias', 'mtls:\n  services: &a [x]\n  exemptPaths: *a\n', /aliases/],
    ['a tag', 'http:\n  host: !secret hunter2\n', /:2: .*tag/],
    ['two documents', 'http: {}\n---\nhttp: {}\n', /multiple docs/],
    ['a key that is not text', '? [a]\n: 1\n', /non string key/],
    ['deep nesting', '['.repeat(60_000), /not the YAML expected/],
    ['bad indentation', 'http:\n  host: "hunter2\n', /not the YAML expected/],
  ])('with %s is refused, without its text', async (_, yaml, expected) => {
    const { message } = await refusal(yaml);
    expect(message).toMatch(expected);
    expect(message).not.toContain('hunter2');
  });

  test('is refused when it is not UTF-8, instead of a CA with a replacement character in its name', async () => {
    const file = await written(Buffer.from('pki:\n  organization: Caf\u00e9\n', 'latin1'));
    expect(() => loadConfiguration({ file, environment: {} })).toThrow('it is not UTF-8');
  });

  test.each(['[]', 'hunter2', '5', '-----BEGIN PRIVATE KEY-----\nhunter2\n'])(
    'that is %j instead of a map is refused, without its text: it may be a file of secrets',
    async (yaml) => {
      const { message } = await refusal(yaml);
      expect(message).toMatch(/^- .*\.yaml:1: is not a map; allowed is a map of http, tls/m);
      expect(message).not.toMatch(/hunter2|PRIVATE/);
    },
  );
});

describe('one error lists every problem', () => {
  test('with place, value, what is allowed and the likely key', async () => {
    const { problems, message, code } = await refusal(
      'http:\n  port: 70000\n  hots: x\ntls:\n  minVersion: TLSv1.1\nlogs: {}\nmtls:\n  crls:\n    - issuer: a.pem\n      url: x\n  services: [ok, ""]\n',
      { VERITAS_TLS_MIN_VERSON: 'TLSv1.3', VERITAS_LOG_LEVEL: 'loud', VERITAS_NONSENSE: '1' },
    );
    const file = expect.stringMatching(/\.yaml:\d+$/);
    expect(code).toBe('configuration_invalid');
    expect(problems).toHaveLength(10);
    expect(problems).toEqual(
      expect.arrayContaining([
        { path: 'http.port', source: file, seen: '70000', allowed: 'a whole number from 0 to 65535' },
        { path: 'http.hots', source: file, problem: 'is not a setting', meant: 'http.host' },
        {
          path: 'tls.minVersion',
          source: expect.stringMatching(/:5$/),
          seen: '"TLSv1.1"',
          allowed: 'one of TLSv1.2, TLSv1.3',
        },
        { path: 'logs', source: expect.stringMatching(/:6$/), problem: 'is not a setting', meant: 'log' },
        { path: 'VERITAS_TLS_MIN_VERSON', problem: 'is not a setting', meant: 'VERITAS_TLS_MIN_VERSION' },
        { path: 'VERITAS_NONSENSE', problem: 'is not a setting' },
        expect.objectContaining({ path: 'log.level', source: 'VERITAS_LOG_LEVEL', seen: '"loud"' }),
        expect.objectContaining({ path: 'mtls.crls[0].source', source: expect.stringMatching(/:9$/), seen: 'nothing' }),
        expect.objectContaining({ path: 'mtls.services[1]', seen: '""' }),
      ]),
    );
    expect(message.split('\n')).toHaveLength(11);
    expect(message).toContain('- http.hots (');
    expect(message).toContain('did you mean http.host?');
  });

  test.each([
    ['http.port', { http: { port: '5000' } }, {}],
    ['http.port', {}, { VERITAS_HTTP_PORT: '50x' }],
    ['http.port', {}, { VERITAS_HTTP_PORT: '' }],
    ['http.port', {}, { VERITAS_HTTP_PORT: '0x1388' }],
    ['http.host', { http: { host: null } }, {}],
    ['http.maxConnections', { http: { maxConnections: 1.5 } }, {}],
    ['http.trustedAddresses[0]', { http: { trustedAddresses: ['10.0.0.0/33'] } }, {}],
    ['http.trustedAddresses[1]', { http: { trustedAddresses: ['::1', 'localhost'] } }, {}],
    ['mtls.rates[0].perSecond', { mtls: { rates: [{ service: '*', perSecond: 2_000_000, burst: 1 }] } }, {}],
    ['mtls.rates[0].burst', { mtls: { rates: [{ service: '*', perSecond: 0.001, burst: 100 }] } }, {}],
    ['http.drainTimeout', { http: { drainTimeout: '10 s' } }, {}],
    ['tls.sessionTimeout', {}, { VERITAS_TLS_SESSION_TIMEOUT: '1500ms' }],
    ['tls.reloadInterval', { tls: { reloadInterval: 2_073_600_001 } }, {}],
    ['tls.sessionTickets', {}, { VERITAS_TLS_SESSION_TICKETS: 'yes' }],
    ['tls.ciphers', { tls: { ciphers: [] } }, {}],
    ['tls.ciphers[0]', { tls: { ciphers: ['ALL:@SECLEVEL=0'] } }, {}],
    ['tls', { tls: 'TLSv1.3' }, {}],
    ['mtls', { mtls: ['a'] }, { VERITAS_MTLS_SERVICES: 'a' }],
    ['mtls.serviceFrom[0]', { mtls: { serviceFrom: ['email'] } }, {}],
    ['mtls.serviceFrom', { mtls: { serviceFrom: ['cn', 'cn'] } }, {}],
    ['mtls.serviceFrom', { mtls: { trustDomains: [{ name: 'a', bundle: 'a.json' }] } }, {}],
    [
      'tls.clientAuth',
      {
        tls: { clientAuth: 'required' },
        mtls: { serviceFrom: ['spiffe'], trustDomains: [{ name: 'a', bundle: 'a.json' }] },
      },
      {},
    ],
    ['tls.clientAuth', { tls: { clientAuth: 'required' }, mtls: { presentedIntermediates: true } }, {}],
    ['mtls.trustDomain', { mtls: { trustDomain: 'Prod.example' } }, {}],
    ...['http://a/b', 'https://user:hunter2@a/b', 'spiffe://a'].map((bundle): [string, object, Environment] => [
      'mtls.trustDomains[0].bundle',
      { mtls: { serviceFrom: ['spiffe'], trustDomains: [{ name: 'a', bundle }] } },
      {},
    ]),
    ...(
      [
        ['bundle', { bundle: 'a.json', endpointBundleFile: 'b.json' }],
        ['caFile', { caFile: 'ca.pem', endpointBundleFile: 'b.json' }],
        ['endpointBundleFile', {}],
        ['endpointBundleFile', { endpointSpiffeId: undefined, endpointBundleFile: 'b.json' }],
        ['endpointBundleFile', { endpointSpiffeId: 'spiffe://own/bundles', endpointBundleFile: 'b.json' }],
        ['endpointSpiffeId', { endpointSpiffeId: 'spiffe://third/bundles' }],
        ['endpointSpiffeId', { endpointSpiffeId: 'spiffe://a', endpointBundleFile: 'b.json' }],
      ] as const
    ).map(([field, more]): [string, object, Environment] => {
      const entry = { name: 'a', bundle: 'https://a/b', endpointSpiffeId: 'spiffe://a/bundles', ...more };
      const { endpointSpiffeId, ...rest } = entry;
      const trustDomains = [endpointSpiffeId === undefined ? rest : entry];
      return [
        `mtls.trustDomains[0].${field}`,
        { mtls: { serviceFrom: ['spiffe'], trustDomain: 'own', trustDomains } },
        {},
      ];
    }),
    [
      'mtls.trustDomains[0].name',
      { mtls: { serviceFrom: ['spiffe'], trustDomain: 'a', trustDomains: [{ name: 'a', bundle: 'a.json' }] } },
      {},
    ],
    ...[
      'bill*',
      'spiffe://prod.example',
      'spiffe://prod.example/*/a',
      'spiffe://prod.example/a*',
      '*',
      'spiffe://a//*',
    ].map((service): [string, object, Environment] => ['mtls.services[0]', { mtls: { services: [service] } }, {}]),
    ...['/public/*', '/a%20b', '/a;b', '/a//b', '/a/../b', '/a/.', String.raw`/a\b`].map(
      (path): [string, object, Environment] => ['mtls.exemptPaths[0]', { mtls: { exemptPaths: [path] } }, {}],
    ),
    ['mtls.services[1]', {}, { VERITAS_MTLS_SERVICES: 'a,,b' }],
    ['mtls.crls', {}, { VERITAS_MTLS_CRLS: 'a.crl' }],
    ['mtls.crls[0].source', { mtls: { crls: [{ source: 'ftp://a/b' }] } }, {}],
    ['mtls.crls[0].source', { mtls: { crls: [{ source: 'http://user:hunter2@a/b' }] } }, {}],
    ['pki.publicationUrl', { pki: { publicationUrl: 'http://ca.test/' } }, {}],
    ['pki.publicationUrl', { pki: { publicationUrl: 'http://[::' } }, {}],
    // No certificate can hold these.
    ...[
      'http://pk\u0131.test',
      'http://ca.test/\u00e4',
      'http://ca.test/%zz',
      'http://ca.test/a|b',
      'http://a..b',
      'http://-a',
      'http://ca.test.',
      'http://*.test',
      'http://1.2.3',
      'http://0x7f',
    ].map((publicationUrl): [string, object, Record<string, string>] => [
      'pki.publicationUrl',
      { pki: { publicationUrl } },
      {},
    ]),
    ['pki.organization', { pki: { organization: 'a\nb' } }, {}],
    ['pki.organization', { pki: { organization: 'a\u0000b' } }, {}],
    // Half a surrogate pair: no certificate can hold it.
    ['pki.organization', 'pki: { organization: "a\\ud800b" }', {}],
    ['store.kind', { store: { kind: 'postgres' } }, {}],
    ['store.unreadLimit', { store: { pollInterval: '1s', unreadLimit: '1s' } }, {}],
    ['store.url', {}, { VERITAS_STORE_URL: 'postgres://a:hunter2@b/c' }],
  ])('%s: %j %j', async (path, yaml, environment) => {
    const { allowed, seen } = await problemAt(path, yaml, environment);
    expect(allowed).toBeTruthy();
    expect(seen).not.toContain('hunter2');
  });

  const responder = { name: 'ocsp-responder', kind: 'ocsp-responder' };

  test.each([
    [
      'tls.minVersion',
      { tls: { minVersion: 'TLSv1.3', maxVersion: 'TLSv1.2' } },
      'at most tls.maxVersion',
      '"TLSv1.3"',
    ],
    ['http.headersTimeout', { http: { requestTimeout: '5s' } }, 'at most http.requestTimeout', '10000, the default'],
    ['pki.crlOverlap', { pki: { crlLifetime: '1h', crlOverlap: '1h' } }, 'less than pki.crlLifetime', '"1h"'],
    [
      'pki.keyType',
      { pki: { keyType: 'Ed25519', pkcs11: { module: 'a.so', token: 'a', pinFile: 'pin' } } },
      'pki.pkcs11.keyType instead: the keys are on a token',
      '"Ed25519"',
    ],
    [
      'pki.profiles[0].mustStaple',
      { pki: { ocsp: false, profiles: [{ name: 'web', purposes: ['serverAuth'], mustStaple: true }] } },
      'not with pki.ocsp: false: there would be no response to staple',
      'true',
    ],
    [
      'pki.profiles[0].maximumLifetime',
      { pki: { profiles: [{ ...responder, maximumLifetime: '10d' }] } },
      'at least 14d, which the responders here have, unless pki.ocsp: false',
      '"10d"',
    ],
    [
      'pki.profiles[0].keyTypes',
      { pki: { profiles: [{ ...responder, keyTypes: ['Ed25519', 'RSA'] }] } },
      'P-256 among them, as the keys of the responders here are, unless pki.ocsp: false',
      'a list of 2',
    ],
    [
      'pki.profiles[0].minimumRsaBits',
      { pki: { keyType: 'RSA-2048', profiles: [{ ...responder, minimumRsaBits: 3072 }] } },
      'at most 2048, as the keys of the responders here are, unless pki.ocsp: false',
      '3072',
    ],
    ['repository.port', { http: { port: 5080 } }, 'another port than http.port', '5080, the default'],
  ])('%s is held against its neighbour', async (path, yaml, allowed, seen) => {
    expect(await problemAt(path, yaml)).toMatchObject({ allowed, seen });
  });

  const plant = { name: 'intermediate-plant', kind: 'intermediate', purposes: undefined };
  const profile = (more: object) => ({
    pki: { profiles: [{ name: 'web', purposes: ['serverAuth'], maximumLifetime: '30d', ...more }] },
  });

  test.each([
    ['purposes[0]', { purposes: ['codeSigning'] }, 'one of serverAuth, clientAuth'],
    ['purposes', { purposes: [] }, 'a list of purposes out of serverAuth, clientAuth, at least 1'],
    ['keyTypes[0]', { keyTypes: ['P-224'] }, 'one of P-256, P-384, P-521, Ed25519, RSA'],
    ['identity', { identity: 'email' }, 'one of service, spiffe'],
    ['minimumRsaBits', { minimumRsaBits: 1024 }, 'a whole number from 2048 to 8192'],
    ['noRevocation', { noRevocation: 'yes' }, 'true or false'],
    ['mustStaple', { mustStaple: 1 }, 'true or false'],
    ['names', { names: [] }, 'a map of dns, ip, uri'],
    ['name', { name: 'root' }, 'another name than root, issuing, cross'],
    ['kind', { name: 'intermediate' }, 'intermediate for the name intermediate'],
    ['kind', { name: 'ocsp-responder' }, 'ocsp-responder for the name ocsp-responder'],
    ['kind', { kind: 'crl-issuer' }, 'end-entity for the name web'],
    ['kind', { kind: 'intermediate' }, expect.stringContaining('as in intermediate-plant')],
    ['purposes', { name: 'intermediate-plant', kind: 'intermediate' }, 'nothing: it is for the kind end-entity'],
    ['pathLength', { pathLength: 1 }, 'nothing: it is for the kind intermediate'],
    [
      'nameConstraints.permit[0]',
      { ...plant, nameConstraints: { permit: ['example.org'] } },
      expect.stringContaining('`DNS:`'),
    ],
    [
      'nameConstraints.permit[0]',
      { ...plant, nameConstraints: { permit: ['IP:10.0.0.7/8'] } },
      expect.stringContaining('bit'),
    ],
    ...(
      [
        ['DNS:plant.example.org', 'DNS:plant.example.org'],
        ['DNS:plant.example.org', 'DNS:example.org'],
        ['URI:plant.example.org', 'URI:.example.org'],
        ['URI:.plant.example.org', 'URI:.example.org'],
        ['IP:10.7.0.0/16', 'IP:10.0.0.0/8'],
        ['IP:fd00:0:7::/48', 'IP:FD00::/8'],
        ['IP:10.7.0.0/16', 'IP:0.0.0.0/0'],
      ] as const
    ).map(
      ([permitted, excluded]) =>
        [
          'nameConstraints.permit[1]',
          {
            ...plant,
            nameConstraints: { permit: ['DNS:other.example', permitted], exclude: ['DNS:x.other.example', excluded] },
          },
          `a subtree that is not within ${excluded}, which is excluded`,
        ] as const,
    ),
    ['maximumLifetime', { maximumLifetime: '399d' }, 'at most 398d for the kind end-entity'],
    ['names.uri', { identity: 'spiffe', names: { uri: [] } }, expect.stringContaining('begins with spiffe://')],
    [
      'names.uri',
      { identity: 'spiffe', names: { uri: ['https://example.org/*'] } },
      expect.stringContaining('begins with spiffe://'),
    ],
    [
      'names.uri',
      { identity: 'spiffe', names: { uri: ['spiffe://example.org', 'spiffe://example.org/'] } },
      expect.stringContaining('has a path or *'),
    ],
    ['names.dns[1]', { names: { dns: ['.example.org', 'a..b'] } }, expect.stringContaining('a DNS name')],
    ['names.ip[0]', { names: { ip: ['10.0.0.0/33'] } }, expect.stringContaining('a prefix')],
    ['names.ip[0]', { names: { ip: ['10.0.0.7/8'] } }, expect.stringContaining('a prefix')],
    ['names.ip[0]', { names: { ip: ['fd00::1/8'] } }, expect.stringContaining('a prefix')],
    ['names.ip[0]', { names: { ip: ['::ffff:10.0.0.0/104'] } }, expect.stringContaining('a prefix')],
    ['names.ip[0]', { names: { ip: ['10.0.0'] } }, expect.stringContaining('a prefix')],
    ['names.uri[0]', { names: { uri: ['https://example*'] } }, expect.stringContaining('a URI')],
    ['minimumRsaBits', { keyTypes: ['P-256'], minimumRsaBits: 4096 }, 'only with RSA among keyTypes'],
    [
      'keyUsages',
      { keyTypes: ['P-256'], keyUsages: ['digitalSignature', 'keyEncipherment'] },
      'keyEncipherment only with RSA among keyTypes',
    ],
    [
      'keyUsages',
      { keyTypes: ['Ed25519', 'RSA'], keyUsages: ['digitalSignature', 'keyAgreement'] },
      'keyAgreement only with P-256, P-384, P-521 among keyTypes',
    ],
    ['lifetime', { lifetime: '60d' }, 'at most maximumLifetime'],
  ])('a profile: %s of %j stops the start, with its line and what is allowed', async (path, more, allowed) => {
    const problem = await problemAt(`pki.profiles[0].${path}`, profile(more));
    expect(problem).toMatchObject({ allowed, source: expect.stringMatching(/\.yaml:\d+$/) });
  });

  test('a profile with rules of every form', async () => {
    const names = {
      dns: ['api.example.org', '*.example.org', '.example.org'],
      ip: ['10.0.0.7', '10.0.0.0/8', '0.0.0.0/0', 'fd00::/8', '::1', '1:2:3:4:5:6:7:8'],
      uri: ['spiffe://*', 'https://example.org', 'https://example.org/a', 'https://example.org/*'],
    };
    const { pki } = await load(profile({ names, identity: 'spiffe', keyTypes: ['RSA'], minimumRsaBits: 3072 }));
    expect(pki.profiles[0]).toMatchObject({ names, minimumRsaBits: 3072 });
    // What is allowed here is what the CA reads.
    expect(new Profiles({ builtIn: readBuiltInProfiles(), own: pki.profiles, serviceLifetime: 3600 }).names).toContain(
      'web',
    );
  });

  test.each([
    [
      'mtls.roles[0].roles[1]',
      [{ service: 'orders', roles: ['admin', 'root'] }],
      'one of admin, issuer, auditor, metrics, backup',
    ],
    ['mtls.roles[0].service', [{ service: 'somebody', roles: ['admin'] }], 'a service of mtls.services'],
    [
      'mtls.roles[1].service',
      [
        { service: 'orders', roles: ['admin'] },
        { service: 'orders', roles: ['metrics'] },
      ],
      'one entry for each service',
    ],
  ])('%s: %j stops the start', async (path, roles, allowed) => {
    expect(await problemAt(path, { mtls: { services: ['orders'], roles } })).toMatchObject({
      allowed,
      source: expect.stringMatching(/\.yaml:\d+$/),
    });
    const written = { VERITAS_MTLS_SERVICES: 'orders', VERITAS_MTLS_ROLES: JSON.stringify(roles) };
    expect(await problemAt(path, '', written)).toMatchObject({ allowed, source: 'VERITAS_MTLS_ROLES' });
  });

  test('of a setting below a section of its namespace names its variable, too', async () => {
    const problem = await problemAt('pki.pkcs11.keyType', '', {
      VERITAS_PKI_PKCS11_MODULE: '/usr/lib/softhsm.so',
      VERITAS_PKI_PKCS11_TOKEN: 'veritas',
      VERITAS_PKI_PKCS11_PIN_FILE: 'pin',
      VERITAS_PKI_PKCS11_KEY_TYPE: 'P-521',
    });
    expect(problem).toMatchObject({ source: 'VERITAS_PKI_PKCS11_KEY_TYPE', seen: '"P-521"' });
  });

  test.each<[string, object[], string]>([
    ['mtls.trustedProxies[0].format', [{ service: 'edge', format: 'json' }], 'one of rfc9440'],
    [
      'mtls.trustedProxies[0].header',
      [{ service: 'edge', format: 'base64-der', header: 'Authorization' }],
      'with `cert`',
    ],
    ['mtls.trustedProxies[0].header', [{ service: 'edge', format: 'rfc9440', header: 'X-Cert' }], 'absent'],
    [
      'mtls.trustedProxies[1].service',
      [
        { service: 'edge', format: 'xfcc' },
        { service: 'edge', format: 'rfc9440' },
      ],
      'one entry, with one format',
    ],
    ['mtls.trustedProxies[0].service', [{ service: 'orders', format: 'xfcc' }], 'calls nothing for itself'],
    ['mtls.trustedProxies[0].service', [{ service: 'admin-client', format: 'xfcc' }], 'calls nothing for itself'],
  ])('%s: %j stops the start', async (path, trustedProxies, allowed) => {
    expect(await problemAt(path, { mtls: { services: ['orders'], trustedProxies } })).toMatchObject({
      allowed: expect.stringContaining(allowed),
    });
  });

  test('the roles of the defaults need nobody on the list of services', async () => {
    expect((await load({ mtls: { services: [] } })).mtls.roles).toHaveLength(3);
  });

  test('two listeners may share a port when one is off or the system chooses', async () => {
    expect((await load({ http: { port: 0 }, repository: { port: 0 } })).http.port).toBe(0);
    expect((await load({ http: { port: 5080 }, repository: { enabled: false } })).http.port).toBe(5080);
  });

  test('a rule between two settings is asked beside other problems', async () => {
    const { problems } = await refusal({
      http: { requestTimeout: '5s', host: 5 },
      tls: { minVersion: 'TLSv1.3', maxVersion: 'TLSv1.2', groups: '', extra: 1 },
      pki: { crlOverlap: '2d', backdate: 'soon' },
      nope: 1,
    });
    expect(problems.map(({ path }) => path).sort()).toEqual([
      'http.headersTimeout',
      'http.host',
      'nope',
      'pki.backdate',
      'pki.crlOverlap',
      'tls.extra',
      'tls.groups',
      'tls.minVersion',
    ]);
  });

  test.each([
    ['http.min_version', { http: { min_version: 'TLSv1.3' } }, undefined],
    ['http.minVersion', { http: { minVersion: 'TLSv1.3' } }, 'tls.minVersion'],
    ['port', { port: 1 }, 'http.port'],
    ['tls.min-version', { tls: { 'min-version': 'TLSv1.3' } }, 'tls.minVersion'],
    ['mtls.crls[0].isuer', { mtls: { crls: [{ source: 'a', isuer: 'b' }] } }, 'mtls.crls[0].issuer'],
  ])('the unknown key %s', async (path, yaml, meant) => {
    expect((await problemAt(path, yaml)).meant).toBe(meant);
  });

  test.each(['__proto__', 'constructor', 'prototype'])(
    'the key %s is refused at every depth and pollutes nothing',
    async (key) => {
      await problemAt(key, `${key}: { polluted: yes }`);
      await problemAt(`http.${key}`, `http: { ${key}: { polluted: true } }`);
      await problemAt(`mtls.crls[0].${key}`, `mtls: { crls: [{ source: a, ${key}: { polluted: true } }] }`);
      await problemAt(`mtls.crls[0].${key}`, '', { VERITAS_MTLS_CRLS: `[{"source":"a","${key}":{"polluted":true}}]` });
      expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
    },
  );

  test('a name cannot forge a line of the message', async () => {
    const { message } = await refusal({ 'x\n- all is well\u202e\u001b[2J': 1, http: { host: 'a b\u2028c' } });
    expect(message).toMatch(/^[\x20-\x7e\n]*$/);
    expect(message.split('\n')).toHaveLength(3);
  });
});

describe('a secret', () => {
  const secretFile = async (text: string, mode = 0o600) => {
    const file = join(folder, `secret-${count++}`);
    await writeFile(file, text, { mode });
    return file;
  };

  test('is the trimmed text of the file that the YAML or the environment names', async () => {
    const [first, second] = [await secretFile('  hunter2 \r\n'), await secretFile('hunter3\n')];
    const yaml = { tls: { keyPassphraseFile: first } };
    expect((await load(yaml)).tls.keyPassphrase).toBe('hunter2');
    expect((await load(yaml, { VERITAS_TLS_KEY_PASSPHRASE_FILE: second })).tls.keyPassphrase).toBe('hunter3');
    expect((await load('')).tls).not.toHaveProperty('keyPassphrase');
  });

  test('is not in what is printed, copied, or left in the environment', async () => {
    const configuration = await load('', { VERITAS_TLS_KEY_PASSPHRASE_FILE: await secretFile('hunter2') });
    expect(inspect(configuration, { depth: 9 })).not.toContain('hunter2');
    expect(JSON.stringify(configuration)).not.toContain('hunter2');
    expect({ ...configuration.tls }).not.toHaveProperty('keyPassphrase');
    expect(JSON.stringify(process.env)).not.toContain('hunter2');
    expect(Object.isFrozen(configuration.tls)).toBe(true);
  });

  test('written out is refused, and hidden in the error', async () => {
    const inYaml = await refusal('tls:\n  keyPassphrase: hunter2\n');
    const inEnvironment = await refusal('', { VERITAS_TLS_KEY_PASSPHRASE: 'hunter2' });
    expect(inYaml.problems).toEqual([
      expect.objectContaining({
        path: 'tls.keyPassphrase',
        seen: '(hidden)',
        allowed: expect.stringContaining('tls.keyPassphraseFile'),
      }),
    ]);
    expect(inEnvironment.problems).toEqual([
      expect.objectContaining({
        seen: '(hidden)',
        allowed: expect.stringContaining('VERITAS_TLS_KEY_PASSPHRASE_FILE'),
      }),
    ]);
    expect(inYaml.message + inEnvironment.message).not.toContain('hunter2');
  });

  test('that does not suit is hidden in the error', async () => {
    const long = await secretFile('hunter2'.repeat(200));
    const problem = await problemAt('tls.keyPassphrase', { tls: { keyPassphraseFile: long } });
    expect(problem).toMatchObject({ seen: '(hidden)' });
  });

  test('under a misspelt name is not shown', async () => {
    const { message } = await refusal({ tls: { keyPasphrase: 'hunter2' } }, { VERITAS_TLS_PASSWORD: 'hunter2' });
    expect(message).toContain('did you mean tls.keyPassphraseFile?');
    expect(message).not.toContain('hunter2');
  });

  test.each<[string, string, string, number?]>([
    ['is missing', 'missing', 'it does not exist'],
    ['may be read by others', 'hunter2', 'it is open to others than its owner: chmod 600', 0o640],
    ['is empty', '', 'is empty'],
    ['is too large', 'x'.repeat(4097), 'it is too large'],
  ])('whose file %s stops the start', async (_, text, expected, mode = 0o600) => {
    const file = text === 'missing' ? join(folder, 'missing') : await secretFile(text, mode);
    const { problem, source } = await problemAt('tls.keyPassphraseFile', '', { VERITAS_TLS_KEY_PASSPHRASE_FILE: file });
    expect(problem).toContain(expected);
    expect(source).toBe('VERITAS_TLS_KEY_PASSPHRASE_FILE');
    await problemAt('tls.keyPassphraseFile', { tls: { keyPassphraseFile: 5 } });
  });
});

describe("Kubernetes' variables for a Service called veritas", () => {
  test('are passed over', async () => {
    const links = {
      VERITAS_SERVICE_HOST: '10.0.0.1',
      VERITAS_SERVICE_PORT: '5000',
      VERITAS_SERVICE_PORT_HTTPS: '5000',
      VERITAS_PORT: 'tcp://10.0.0.1:5000',
      VERITAS_PORT_5000_TCP: 'tcp://10.0.0.1:5000',
      VERITAS_PORT_5000_TCP_PROTO: 'tcp',
      VERITAS_PORT_5000_TCP_PORT: '5000',
      VERITAS_PORT_5000_TCP_ADDR: '10.0.0.1',
      VERITAS_DATABASE_SERVICE_HOST: 'fd00::1',
      // Of one called veritas-http: the name is that of a setting.
      VERITAS_HTTP_PORT: 'tcp://10.0.0.2:5000',
    };
    expect(await load('', links)).toEqual(configurationSchema.parse({}));
  });

  test('do not excuse a variable that only resembles them', async () => {
    const { problems } = await refusal('', { VERITAS_PORT: '5000', VERITAS_SERVICE_HOST: 'localhost' });
    expect(problems.map(({ path }) => path)).toEqual(['VERITAS_PORT', 'VERITAS_SERVICE_HOST']);
  });
});
