import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative, resolve, sep } from 'node:path';
import { describe, expect, test } from '@jest/globals';

const SRC = resolve(import.meta.dirname, '../../src');

/** Which room may import which (docs/principles.md). Composition, the files right below src, in bindings and in listener, may import every room. */
const ROOMS: Readonly<Record<string, readonly string[]>> = {
  der: [],
  events: [],
  files: [],
  options: [],
  threads: [],
  x509: ['der'],
  revocation: ['threads', 'x509'],
  tls: ['files', 'revocation', 'x509', 'der'],
  store: ['files', 'threads', 'x509'],
  audit: ['store'],
  registry: ['audit', 'store', 'events', 'x509'],
  mtls: ['options', 'revocation', 'tls', 'x509'],
  pki: ['audit', 'store', 'events', 'files', 'options', 'threads', 'configuration', 'x509', 'der'],
  repository: ['mtls', 'pki', 'x509'],
  api: ['configuration', 'mtls', 'pki', 'registry', 'x509'],
  health: ['api', 'mtls', 'pki', 'store'],
  metrics: ['api', 'events', 'mtls'],
  configuration: [],
  commands: [
    'configuration',
    'pki',
    'registry',
    'audit',
    'store',
    'mtls',
    'revocation',
    'tls',
    'x509',
    'events',
    'files',
  ],
  testing: ['mtls', 'x509'],
};
/** Packages that only one room may know. */
const RESERVED: Readonly<Record<string, string>> = {
  pkijs: 'x509',
  asn1js: 'x509',
  kysely: 'store',
  'node:sqlite': 'store',
  zod: 'configuration api',
  '@prometheus-io/client': 'metrics',
  commander: 'commands',
  'age-encryption': 'pki',
};
const COMPOSITION: readonly string[] = ['bindings', 'listener'];
const PURE = ['der', 'x509', 'events'];
const MEANINGLESS = /^(utils?|helpers?|common|misc|shared|core|manager|.*V2)$/i;

interface Import {
  readonly from: string;
  readonly specifier: string;
}

const files = walk(SRC).filter((path) => path.endsWith('.ts'));
const sources = files.filter((path) => !path.endsWith('.spec.ts'));
const imports: readonly Import[] = sources.flatMap((from) =>
  [
    ...readFileSync(from, 'utf8').matchAll(
      /(?:^|\n)\s*(?:import|export)\b[^'"`;]*?from\s+'([^']+)'|import\(\s*'([^']+)'\s*\)|(?:^|\n)import\s+'([^']+)'/g,
    ),
  ].map(([, a, b, c]) => ({ from, specifier: a ?? b ?? c ?? '' })),
);

function walk(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? walk(path) : [path];
  });
}

const roomOf = (path: string): string => {
  const parts = relative(SRC, path).split(sep);
  return parts.length > 1 && !COMPOSITION.includes(parts[0] ?? '') ? (parts[0] ?? '') : '(composition)';
};
const say = ({ from, specifier }: Import): string => `${relative(SRC, from)} imports ${specifier}`;

describe('the rooms', () => {
  test('every folder below src is a room on the picture', () => {
    const folders = readdirSync(SRC).filter((name) => statSync(join(SRC, name)).isDirectory());
    expect(folders.filter((name) => !(name in ROOMS) && !COMPOSITION.includes(name))).toEqual([]);
  });

  test('a room imports only the rooms below it, and only their index', () => {
    const wrong = imports.filter(({ from, specifier }) => {
      if (!specifier.startsWith('.')) return false;
      const target = resolve(from, '..', specifier);
      const [room, other] = [roomOf(from), roomOf(target)];
      if (room === '(composition)') return other !== room && !/[/\\]index\.js$/.test(target);
      // An index of the room's part for Nest has all of the room.
      if (room === other) return relative(join(SRC, room), target) === 'index.js' && !from.endsWith('nest/index.ts');
      // A thread loads what it needs and nothing else: somebody waits for it to begin.
      const isInner = relative(join(SRC, other), target) !== 'index.js' && !from.endsWith('-worker.ts');
      return !(ROOMS[room] ?? []).includes(other) || isInner;
    });
    expect(wrong.map(say)).toEqual([]);
  });

  test('packages that belong to one room stay there', () => {
    const wrong = imports.filter(({ from, specifier }) => {
      const owner = Object.entries(RESERVED).find(
        ([name]) => specifier === name || specifier.startsWith(`${name}/`),
      )?.[1];
      return owner !== undefined && !owner.split(' ').includes(roomOf(from));
    });
    expect(wrong.map(say)).toEqual([]);
  });

  test('the pure rooms know neither Nest, nor files, nor the network, nor the environment', () => {
    const wrong = imports.filter(
      ({ from, specifier }) =>
        PURE.includes(roomOf(from)) &&
        !/^(\.|pkijs$|asn1js$|node:(crypto|events|buffer|url|util|timers\/promises)$)/.test(specifier),
    );
    expect(wrong.map(say)).toEqual([]);
    const impure = sources.filter(
      (path) =>
        PURE.includes(roomOf(path)) && /process\.env|Date\.now\(\)|new Date\(\)/.test(readFileSync(path, 'utf8')),
    );
    expect(impure.map((path) => relative(SRC, path))).toEqual([]);
  });

  test('a file without a role suffix imports nothing from Nest', () => {
    const role =
      /\.(module|service|controller|guard|interceptor|filter|decorator|listener|gate|module-definition|config)\.ts$/;
    const wrong = imports.filter(
      ({ from, specifier }) =>
        specifier.startsWith('@nestjs/') &&
        !role.test(from) &&
        roomOf(from) !== '(composition)' &&
        roomOf(from) !== 'testing',
    );
    expect(wrong.map(say)).toEqual([]);
  });

  test('in rooms that commands load, only the part for Nest knows Nest: loading it takes longer than most commands do', () => {
    const wrong = imports.filter(
      ({ from, specifier }) =>
        specifier.startsWith('@nestjs/') && /^(configuration|pki|registry)[/\\](?!nest[/\\])/.test(relative(SRC, from)),
    );
    expect(wrong.map(say)).toEqual([]);
  });

  test('no forwardRef, and no name that says nothing', () => {
    expect(
      sources.filter((path) => readFileSync(path, 'utf8').includes('forwardRef(')).map((path) => relative(SRC, path)),
    ).toEqual([]);
    const names = files.flatMap((path) => relative(SRC, path).split(sep)).map((name) => name.replace(/\..*$/, ''));
    expect(names.filter((name) => MEANINGLESS.test(name))).toEqual([]);
  });
});
