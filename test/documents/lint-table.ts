import { crlLintFixtures } from '../support/crl-lint-fixtures.js';
import { certificateLintFixtures } from '../support/lint-fixtures.js';
import { ocspLintFixtures } from '../support/ocsp-lint-fixtures.js';
import { certificateLintRules, crlEntryLintRules, crlLintRules, ocspLintRules } from '../../src/x509/index.js';

interface Fixture {
  readonly rule: string;
  readonly defect: string;
  readonly openssl: string;
}

/** The rows of `docs/lint.md`: each rule with its source, and for each of its fixtures whether OpenSSL refuses it as well. */
export function lintTables(): Readonly<Record<'certificates' | 'lists' | 'responses', string>> {
  return {
    certificates: tableOf(certificateLintRules, certificateLintFixtures),
    lists: tableOf([...crlLintRules, ...crlEntryLintRules], crlLintFixtures),
    responses: tableOf(ocspLintRules, ocspLintFixtures),
  };
}

function tableOf(rules: readonly { readonly name: string; readonly source: string }[], fixtures: readonly Fixture[]) {
  const rows = rules.flatMap(({ name, source }) =>
    fixtures
      .filter(({ rule }) => rule === name)
      .map(({ defect, openssl }) => `| \`${name}\` | ${source} | ${defect.replaceAll('|', '\\|')} | ${openssl} |`),
  );
  return ['| Rule | Source | Defect | OpenSSL |', '| --- | --- | --- | --- |', ...rows].join('\n');
}
