import { describe, expect, test } from '@jest/globals';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { temporaryFolder } from '../../test/support/folder.js';
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

  test('is sound with every line taken in, those without a default too', () => {
    const folder = temporaryFolder();
    const [file, url] = [join(folder, 'all.yaml'), join(folder, 'url')];
    writeFileSync(url, 'postgres://veritas:secret@localhost:5432/veritas', { mode: 0o600 });
    const values: Readonly<Record<string, string>> = {
      'tls.keyPassphraseFile': url,
      'mtls.intermediatesFile': file,
      'pki.pkcs11.module': '/usr/lib/softhsm.so',
      'pki.pkcs11.token': 'ca',
      'pki.pkcs11.pinFile': file,
      'pki.pkcs11.keyLabelPrefix': 'ca-',
      'pki.pkcs11.keyType': 'P-384',
      'pki.pkcs11.packageDirectory': '/opt/pkcs11',
      'store.kind': 'postgresql',
      'store.urlFile': url,
    };
    const all = text.replaceAll(/^##?( *\w+:(?: …)?$)/gm, '$1').replaceAll(/^#(?!#)/gm, '');
    const written = parse(all) as Record<string, Record<string, unknown>>;
    const unused = settingsOf(configurationSchema).filter(({ fallback }) => fallback === undefined);
    for (const { path, secret } of unused) {
      const key = `${path.join('.')}${secret ? 'File' : ''}`;
      expect(written).toHaveProperty(key, '…');
      const parent = path
        .slice(1, -1)
        .reduce((inner, name) => inner[name] as Record<string, unknown>, written[path[0]!]!);
      parent[key.split('.').at(-1)!] = values[key];
    }
    writeFileSync(file, stringify(written));
    const { pki, tls } = loadConfiguration({ file, environment: {} });
    expect(pki.pkcs11).toMatchObject({ token: 'ca', keyType: 'P-384' });
    expect({ ...pki, pkcs11: undefined }).toEqual({ ...defaults.pki, pkcs11: undefined });
    expect(tls.ciphers).toEqual(defaults.tls.ciphers);
  });

  test('has lines one can read', () => {
    for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(120);
  });
});

test('docs/configuration.md names every setting and every variable', () => {
  const text = readFileSync('docs/configuration.md', 'utf8');
  for (const { variable, fields } of settingsOf(configurationSchema)) {
    expect(text).toContain(`\`${variable}\``);
    for (const { key, description } of fields) {
      expect(text).toContain(`| \`${key}\` | `);
      expect([key, description]).toEqual([key, expect.stringMatching(/\.$/)]);
    }
  }
  expect(text).not.toContain('[object');
});
