import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import type { ConnectionOptions } from 'node:tls';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { readEncryptionParameters } from '../../src/pki/issuer/encrypted-key-parameters.js';
import { decodePem } from '../../src/x509/index.js';
import { get } from '../support/client.js';
import { compileProgram } from '../support/compiled-program.js';
import { temporaryFolder } from '../support/folder.js';
import { developmentTls, environmentIn } from '../support/service.js';

/** What a service, also one that makes its CA, loads when it is first needed, and why it is not before. */
const LATER: Readonly<Record<string, string>> = {
  '@nestjs/terminus': 'the health report',
  '@nestjs/swagger': 'the OpenAPI document',
  'swagger-ui-dist': 'its pages, read from the disk',
  redoc: 'its pages, read from the disk',
  pg: 'PostgreSQL',
  undici: 'calls to others',
  pkijs: 'a second opinion in veritas/x509, which no service asks for',
  asn1js: 'a second opinion in veritas/x509, which no service asks for',
  'age-encryption': 'backups',
  commander: 'the command line',
  pkcs11js: 'keys on a token',
  ajv: 'JSON schemas of Fastify, which no route has',
  '@fastify/ajv-compiler': 'JSON schemas of Fastify, which no route has',
  '@fastify/fast-json-stringify-compiler': 'JSON schemas of Fastify, which no route has',
  '@grpc/grpc-js': 'gRPC in applications',
  '@nestjs/platform-ws': 'WebSockets in applications',
  ws: 'WebSockets in applications',
};
/** The same of the program's own bundles. */
const LATER_BUNDLES: Readonly<Record<string, string>> = {
  'openapi-operation': 'the OpenAPI document',
  'postgres-store': 'PostgreSQL',
  cli: 'the command line',
  setup: 'a command',
};

const RECORDER = `import { registerHooks } from 'node:module';
const loaded = [];
registerHooks({ load: (url, context, next) => (loaded.push(url), next(url, context)) });
process.on('message', () => process.send(loaded));
`;

let service: ChildProcess;
const logged: string[] = [];
let program: string;
let folder: string;
let port = 0;
let tls: ConnectionOptions;

beforeAll(async () => {
  folder = temporaryFolder();
  const place = temporaryFolder();
  compileProgram(place);
  program = pathToFileURL(join(place, 'dist/')).href;
  writeFileSync(join(place, 'recorder.js'), RECORDER);
  const command = ['--import', join(place, 'recorder.js'), join(place, 'dist/main.js')];
  service = spawn(process.execPath, command, {
    env: {
      PATH: process.env.PATH,
      ...environmentIn(folder, { VERITAS_LOG_LEVEL: 'info', VERITAS_MICROSERVICE_PORT: '0' }),
    },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  if (!service.stdout || !service.stderr) throw new Error('no output');
  createInterface({ input: service.stdout }).on('line', (line) => logged.push(line));
  for await (const line of createInterface({ input: service.stderr })) {
    port = Number(/https:\/\/localhost:(\d+)/.exec(line)?.[1] ?? 0);
    if (port !== 0) break;
  }
  tls = developmentTls(folder, 'client');
}, 60_000);
afterAll(async () => {
  const ended = once(service, 'exit');
  service.kill('SIGKILL');
  await ended;
});

async function loaded(): Promise<string[]> {
  service.send('what');
  const [urls] = (await once(service, 'message')) as [string[]];
  return urls;
}

const packagesOf = (urls: readonly string[]): Set<string> =>
  new Set(urls.map((url) => /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1] ?? ''));

test('a service that has answered a caller has loaded nothing that it does not need for that', async () => {
  expect(await get(port, '/api/v1/test', tls)).toMatchObject({ status: 200 });
  const urls = await loaded();
  const packages = packagesOf(urls);
  expect(packages).toContain('@nestjs/core');
  expect(Object.keys(LATER).filter((name) => packages.has(name))).toEqual([]);
  const bundles = urls.filter((url) => url.startsWith(program)).map((url) => basename(url).split('.')[0]!);
  expect(bundles).toContain('service-process');
  expect(bundles.length).toBeLessThan(30);
  expect(Object.keys(LATER_BUNDLES).filter((name) => bundles.includes(name))).toEqual([]);
});

test('the keys of the CA that it made are derived in full', () => {
  const keys = join(folder, 'certs/ca');
  const encrypted = readdirSync(keys, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('key.pem'));
  expect(encrypted).toEqual(expect.arrayContaining(['root_ca.key.pem', 'issuing_ca.key.pem']));
  for (const name of encrypted) {
    const [pem] = decodePem(readFileSync(join(keys, name)));
    expect(readEncryptionParameters(pem!.octets)?.iterations).toBe(600_000);
  }
});

test('loads what it needs when it is asked for it', async () => {
  expect(await get(port, '/health', tls)).toMatchObject({ status: 200 });
  expect(packagesOf(await loaded())).toContain('@nestjs/terminus');
  expect(await get(port, '/openapi.json', tls)).toMatchObject({ status: 200 });
  expect(packagesOf(await loaded())).toContain('@nestjs/swagger');
});

test('every line of its log says what happened', async () => {
  expect(await get(port, '/health', tls)).toMatchObject({ status: 200 });
  expect(await get(port, '/api/v1/test', developmentTls(folder))).toMatchObject({ status: 401 });
  // Lines come in their order.
  while (!logged.some((line) => line.includes('"event":"refused"'))) await once(service.stdout!, 'data');
  expect(logged.map((line) => JSON.parse(line) as object).filter((line) => !('event' in line))).toEqual([]);
});
