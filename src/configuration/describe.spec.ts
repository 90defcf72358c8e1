import { describe, expect, test } from '@jest/globals';
import { readFileSync, writeFileSync } from 'node:fs';
import { parse } from 'yaml';
import { configurationSchema } from './configuration.js';
import { describeAsMarkdown, describeAsYaml } from './describe.js';
import { loadConfiguration } from './load-configuration.js';
import { settingsOf } from './outline.js';

const files = [
  ['docs/configuration.md', describeAsMarkdown(configurationSchema)],
  ['config/veritas.yaml', describeAsYaml(configurationSchema)],
] as const;

if (process.env.UPDATE_DOCS === '1') for (const [file, text] of files) writeFileSync(file, text);

test.each(files)('%s says what the schemas say', (file, expected) => {
  if (readFileSync(file, 'utf8') !== expected) {
    throw new Error(
      `${file} is not what the schemas say; write it again with: UPDATE_DOCS=1 npm test -- src/configuration/describe`,
    );
  }
});

describe('config/veritas.yaml', () => {
  const text = readFileSync('config/veritas.yaml', 'utf8');
  const defaults = configurationSchema.parse({});

  test('says nothing as it ships', () => {
    expect(parse(text)).toBeNull();
    expect(loadConfiguration({ file: 'config/veritas.yaml', environment: {} })).toEqual(defaults);
  });

  test('says exactly the defaults when one # is taken off each line', () => {
    const uncommented: unknown = parse(text.replaceAll(/^#/gm, ''));
    expect(configurationSchema.parse(uncommented)).toEqual(defaults);
    const leaves = settingsOf(configurationSchema).filter(({ fallback }) => fallback !== undefined);
    for (const { path } of leaves) expect(uncommented).toHaveProperty([...path]);
  });

  test('has lines one can read', () => {
    for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(120);
  });
});

test('docs/configuration.md names every setting and every variable', () => {
  const text = readFileSync('docs/configuration.md', 'utf8');
  for (const { variable } of settingsOf(configurationSchema)) expect(text).toContain(`\`${variable}\``);
});
