import {
  decodeCertificate,
  encodeSigned,
  encodeTbsCertificate,
  lintCertificate,
  lintFindingToString,
  type AlgorithmIdentifier,
  type Certificate,
  type LintFinding,
} from '../../x509/index.js';
import type { IssuerIdentity } from '../issuer/issuer-identity.js';
import { PkiError } from '../pki-error.js';
import type { Profile } from '../profile/profile.js';
import type { ListPoints } from '../profile/fixed-extensions.js';
import { profileExtensions } from '../profile/profile-extensions.js';
import { readBack } from '../read-back.js';
import { AcceptedRequest } from './accepted-request.js';
import { lintForProfile } from './lint/lint-for-profile.js';

/** The rules about what the CAs above allow. */
const CONSTRAINTS: ReadonlySet<string> = new Set(['name-constraints', 'name-constraints-common-name']);

// No signature is longer: that of RSA with 8192 bits.
const IN_PLACE_OF_SIGNATURE = new Uint8Array(1024);

/** What a token adds to an accepted request. */
export interface IssuanceTerms extends ListPoints {
  /** Lower-case hexadecimal, see `newSerialNumber`. */
  readonly serialNumber: string;
  readonly algorithm: AlgorithmIdentifier;
  readonly now: Date;
  /** Seconds. */
  readonly backdate: number;
  readonly publicationUrl: string;
  /** Whether OCSP requests are answered; false when absent. */
  readonly ocsp?: boolean | undefined;
}

/** A tbsCertificate that may be signed, once: it was read back from its octets and linted. Making one is what checks it. */
export class IssuanceToken {
  readonly issuer: IssuerIdentity;
  readonly accepted: AcceptedRequest;
  readonly serialNumber: string;
  /** The shard that its distribution point names; 0 when that is the complete list. */
  readonly crlShard: number;
  /** The time from which its validity counts. */
  readonly issuedAt: Date;
  #certificate: Certificate | undefined;

  /**
   * Writes the tbsCertificate. It is valid from now minus `backdate` (the profile's, or else the CA's) until now plus the lifetime, and never beyond its
   * issuer and the CAs above. Throws PkiError `issuer_expired`, `name_not_allowed` for what their constraints forbid, or `lint_failed` with the findings.
   */
  constructor(accepted: AcceptedRequest, issuer: IssuerIdentity, terms: IssuanceTerms) {
    if (!AcceptedRequest.is(accepted)) throw new PkiError('lint_failed', 'the request was not accepted');
    const { profile, subject, publicKey, names } = accepted;
    const { ocsp = false } = terms;
    const tbs = encodeTbsCertificate({
      serialNumber: Buffer.from(terms.serialNumber, 'hex'),
      signatureAlgorithm: terms.algorithm,
      issuer: issuer.subject,
      ...validityFor(accepted, issuer, terms),
      subject,
      publicKey,
      extensions: profileExtensions(profile, { ...terms, issuer, publicKey, names }),
    });
    const certificate = readBack(() => decodeCertificate(encodeSigned(tbs, terms.algorithm, IN_PLACE_OF_SIGNATURE)));
    const findings = [
      ...lintCertificate({ certificate, issuer: issuer.chain[0], chain: issuer.chain }),
      ...lintForProfile({ certificate, profile, issuer, names, ocsp }),
    ];
    if (findings.length > 0) throw refusalOf(findings, profile);
    this.issuer = issuer;
    this.accepted = accepted;
    this.serialNumber = terms.serialNumber;
    this.crlShard = terms.crlShard ?? 0;
    this.issuedAt = terms.now;
    this.#certificate = certificate;
  }

  /** The certificate without its signature, which is to be made of its `tbs`. Throws PkiError `token_spent` the second time. */
  spend(): Certificate {
    const certificate = this.#certificate;
    if (!certificate) throw new PkiError('token_spent', `the certificate ${this.serialNumber} was signed before`);
    this.#certificate = undefined;
    return certificate;
  }
}

function validityFor(
  { lifetime, profile }: AcceptedRequest,
  issuer: IssuerIdentity,
  terms: IssuanceTerms,
): { notBefore: Date; notAfter: Date } {
  const { now } = terms;
  const backdate = profile.backdate ?? terms.backdate;
  // Certificates count in whole seconds.
  const seconds = Math.floor(now.getTime() / 1000);
  if (now >= issuer.notAfter)
    throw new PkiError(
      'issuer_expired',
      `issuer ${issuer.id}, or a CA above it, expired on ${issuer.notAfter.toISOString()}`,
    );
  if (now < issuer.notBefore)
    throw new PkiError('clock_behind', `the clock says ${now.toISOString()}, before issuer ${issuer.id} began`);
  return {
    notBefore: new Date(Math.max((seconds - backdate) * 1000, issuer.notBefore.getTime())),
    notAfter: new Date(Math.min((seconds + lifetime) * 1000, issuer.notAfter.getTime())),
  };
}

/** Which names the CAs above allow, no profile knows: such a name is the mistake of who asks for it, and everything else one of ours. */
function refusalOf(findings: readonly LintFinding[], { kind }: Profile): PkiError {
  const text = findings.map(lintFindingToString).join('; ');
  const isName = kind === 'end-entity' && findings.every(({ rule }) => CONSTRAINTS.has(rule));
  return isName
    ? new PkiError('name_not_allowed', `a CA above does not allow this name: ${text}`)
    : new PkiError('lint_failed', text);
}
