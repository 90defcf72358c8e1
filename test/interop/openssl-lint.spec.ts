import { beforeAll, describe, expect, it } from '@jest/globals';
import type { TestCa } from '../../src/testing/index.js';
import type { CertificateLintSubject, CrlLintSubject } from '../../src/x509/index.js';
import { crlLintFixtures, crlOf } from '../support/crl-lint-fixtures.js';
import {
  certificateLintFixtures,
  leafBelow,
  lintIssuing,
  lintRoot,
  type OpensslOpinion,
} from '../support/lint-fixtures.js';
import { ocspLintFixtures, ocspOf, type SignedResponse } from '../support/ocsp-lint-fixtures.js';
import { opensslOcsp, opensslVerify, opensslVersion } from '../support/openssl.js';

const opinion = (ok: boolean): OpensslOpinion => (ok ? 'accepts' : 'refuses');

/** `-x509_strict` and every other check there is; a CA's certificate is verified as itself, an end entity's for a client. */
function verified({ certificate, chain }: CertificateLintSubject) {
  return opensslVerify({
    leaf: certificate.der,
    intermediates: chain.slice(0, -1).map(({ der }) => der),
    anchors: chain.slice(-1).map(({ der }) => der),
    time: new Date(),
    options: certificate.extensions.basicConstraints?.cA ? [] : ['-purpose', 'sslclient'],
  });
}

/** A sound certificate of the issuer, by this list. */
function verifiedBy({ list }: CrlLintSubject, ca: TestCa) {
  const { certificate, chain } = leafBelow(ca);
  return opensslVerify({
    leaf: certificate.der,
    intermediates: chain.slice(0, -1).map(({ der }) => der),
    anchors: chain.slice(-1).map(({ der }) => der),
    crls: [lintRoot.crl(), list.der],
    time: new Date(),
  });
}

/** The response, for who trusts the root. */
function answered({ der, request, issuer }: SignedResponse) {
  return opensslOcsp({
    request: request.der,
    response: der,
    issuer: issuer.der,
    anchor: lintRoot.certificate.der,
    serials: request.certIds.map(({ serialNumber }) => serialNumber),
  });
}

const ROWS = [
  ...certificateLintFixtures.map((each) => ({ ...each, ask: () => verified(each.subject()) })),
  ...crlLintFixtures.map((each) => ({ ...each, ask: () => verifiedBy(each.subject(), each.ca) })),
  ...ocspLintFixtures.map((each) => ({ ...each, ask: () => answered(each.subject()) })),
];

describe('what the lint refuses, and OpenSSL', () => {
  beforeAll(() => {
    const agreed = ROWS.filter(({ openssl }) => openssl === 'refuses').length;
    const lines = ROWS.map(({ rule, defect, openssl }) => `  ${openssl}  ${rule}: ${defect}`);
    process.stdout.write(
      `${opensslVersion()} refuses ${agreed} of the ${ROWS.length} that the lint refuses:\n${lines.join('\n')}\n`,
    );
  });

  it('accepts what the lint finds nothing in', () => {
    expect(verified(leafBelow(lintIssuing))).toMatchObject({ ok: true });
    expect(verifiedBy(crlOf(lintIssuing), lintIssuing)).toMatchObject({ ok: true });
    expect(answered(ocspOf({ nonce: Buffer.alloc(32, 1) }))).toMatchObject({ ok: true });
  });

  it.each(ROWS.map(({ rule, defect, openssl, ask }) => [rule, defect, openssl, ask] as const))(
    '%s: %s: %s',
    (_rule, _defect, expected, ask) => {
      const { ok, says } = ask();
      expect([says, opinion(ok)]).toEqual([says, expected]);
    },
  );
});
