import { describe, expect, test } from '@jest/globals';
import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { loadConfiguration } from '../../src/configuration/index.js';
import { STAGE } from '../../src/x509/path/path-failure.js';
import { errorTables } from './error-codes.js';
import { lintTables } from './lint-table.js';
import { metricsTable } from './metrics-table.js';

// docs/configuration.md has a spec of its own, beside the schemas that it is made from.
const documents = globSync('{*.md,docs/**/*.md,certs/*.md,examples/**/*.md,test/**/*.md}').filter(
  (file) => file !== 'docs/configuration.md',
);
const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as Record<
  'scripts' | 'dependencies' | 'optionalDependencies',
  Record<string, string>
>;

/** What the environment can also say: where the settings are, and to a test how often it kills. */
const NO_SETTINGS = ['VERITAS_CONFIG', 'VERITAS_KILLS'];

/** The text with each table between its markers made anew. */
function withTables(text: string, tables: Readonly<Record<string, string>>): string {
  return Object.entries(tables).reduce(
    (before, [name, table]) =>
      before.replace(
        new RegExp(`(<!-- table: ${name} -->\n)[\\s\\S]*?(<!-- end -->)`),
        (_, start: string, end: string) => `${start}\n${table}\n\n${end}`,
      ),
    text,
  );
}

describe.each([
  ['docs/errors.md', errorTables()],
  ['docs/lint.md', lintTables()],
  ['docs/metrics.md', metricsTable()],
])('%s', (file, tables) => {
  if (process.env.UPDATE_DOCS === '1') writeFileSync(file, withTables(readFileSync(file, 'utf8'), tables));
  const text = readFileSync(file, 'utf8');

  test('has exactly the rows that the code has', () => {
    if (withTables(text, tables) !== text)
      throw new Error(
        `${file} is not what the tables say; write it again with: UPDATE_DOCS=1 npm test -- test/documents`,
      );
    for (const table of Object.values(tables)) {
      expect(text).toContain(table);
      expect(table).not.toMatch(/\| +\|/);
    }
  });
});

describe.each(documents)('%s', (file) => {
  const text = readFileSync(file, 'utf8');

  test('links to what exists', () => {
    const targets = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
    for (const target of targets.filter((one) => !/^(https?:|#|mailto:)/.test(one)))
      expect([target, existsSync(join(dirname(file), target.replace(/#.*/, '')))]).toEqual([target, true]);
  });

  test('names scripts, spec files and settings that exist', () => {
    for (const [, script = ''] of text.matchAll(/npm run ([a-z:]+)/g))
      expect(manifest.scripts).toHaveProperty([script]);
    for (const [path] of text.matchAll(/\b(?:src|test|examples)\/[\w./-]+\.ts\b/g))
      expect([path, existsSync(path) || existsSync(join(dirname(file), path))]).toEqual([path, true]);
    const variables = [...text.matchAll(/\bVERITAS_[A-Z_]+[A-Z]\b/g)].map(([name]) => name);
    // A value that fits none: only the name is in question here.
    for (const name of variables.filter((one) => !NO_SETTINGS.includes(one)))
      expect([name, problemOf(name)]).not.toEqual([name, expect.stringContaining('is not a setting')]);
  });
});

test('CONTRIBUTING.md names what is in the files that it names', () => {
  const text = readFileSync('CONTRIBUTING.md', 'utf8');
  const places = [...text.matchAll(/`([#\w]+)`\s+(?:in|of)\s+`((?:src|test)\/[^`]+\.ts)`/g)];
  expect(places.length).toBeGreaterThan(5);
  for (const [, name = '', file = ''] of places)
    expect([name, file, readFileSync(file, 'utf8').includes(name)]).toEqual([name, file, true]);
});

test('docs/threat-model.md quotes tests that exist', () => {
  const text = readFileSync('docs/threat-model.md', 'utf8');
  const quotes = [...text.matchAll(/`([\w./-]+\.spec\.ts)`: "([^"]+)"/g)];
  expect(quotes.length).toBeGreaterThan(30);
  for (const [, file = '', title = ''] of quotes)
    expect([file, title, readFileSync(file, 'utf8').includes(title)]).toEqual([file, title, true]);
});

test('docs/operations.md has every event that the service logs', () => {
  const text = readFileSync('docs/operations.md', 'utf8');
  const sources = globSync('src/**/*.ts').filter((file) => !/\.spec\.ts$|^src\/commands\/|^src\/mtls\/ws\//.test(file));
  const events = sources.flatMap((file) => [...readFileSync(file, 'utf8').matchAll(/\bevent: '([a-z_]+)'/g)]);
  expect(events.length).toBeGreaterThan(20);
  for (const [, event = ''] of events) expect([event, text.includes(`\`${event}\``)]).toEqual([event, true]);
});

test('docs/paths.md has every code of a path that is refused', () => {
  const text = readFileSync('docs/paths.md', 'utf8');
  for (const code of Object.keys(STAGE)) expect([code, text.includes(`\`${code}\``)]).toEqual([code, true]);
});

function problemOf(variable: string): string {
  try {
    loadConfiguration({ file: 'config/veritas.yaml', environment: { [variable]: '\u0000' } });
    return '';
  } catch (error) {
    return (error as Error).message;
  }
}

test('README.md gives a reason for each dependency', () => {
  const text = readFileSync('README.md', 'utf8');
  const rows = text.slice(text.indexOf('## Dependencies'), text.indexOf('## More'));
  const named = [...rows.matchAll(/^\| ([^|]+) \|/gm)].flatMap(([, cell = '']) =>
    cell.split(',').map((name) => name.trim()),
  );
  const names = [...Object.keys(manifest.dependencies), ...Object.keys(manifest.optionalDependencies)];
  expect(named.map((name) => name.replace(' (optional)', ''))).toEqual(expect.arrayContaining(names));
});
