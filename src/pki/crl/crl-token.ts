import {
  CrlReason,
  decodeCertificateList,
  DecodeError,
  encodeExtensionOf,
  encodeRevokedCertificate,
  encodeSigned,
  encodeTbsCertList,
  lintCrl,
  lintFindingToString,
  type AlgorithmIdentifier,
  type CertificateList,
  type CrlReasonName,
  type LintedEntry,
} from '../../x509/index.js';
import type { IssuerIdentity } from '../issuer/issuer-identity.js';
import { PkiError } from '../pki-error.js';

/** One entry to write. `serial` in hexadecimal, `revokedAt` in milliseconds, `reason` a CRLReason's name. */
export interface CrlEntry {
  readonly serial: string;
  readonly revokedAt: number;
  readonly reason: string;
}

/** A tbsCertList that may be signed, once. Making one checks it. */
export class CrlToken {
  readonly issuer: IssuerIdentity;
  #tbs: Uint8Array | undefined;

  /**
   * Writes the list: version 2, with authorityKeyIdentifier and cRLNumber (RFC 5280 §5.2.1, §5.2.3). Throws PkiError `clock_behind` when
   * `thisUpdate` is not before `nextUpdate` or lies before the list `previous`, `lint_failed` with
   * the findings, or when it cannot be written at all.
   */
  constructor(
    issuer: IssuerIdentity,
    list: {
      readonly algorithm: AlgorithmIdentifier;
      readonly number: number;
      readonly thisUpdate: Date;
      readonly nextUpdate: Date;
      readonly previous: { readonly number: number; readonly thisUpdate: Date } | undefined;
      readonly entries: Iterable<CrlEntry>;
    },
  ) {
    const { algorithm, number, thisUpdate, nextUpdate, previous } = list;
    if (thisUpdate >= nextUpdate || (previous && thisUpdate < previous.thisUpdate))
      throw new PkiError(
        'clock_behind',
        `the clock says ${thisUpdate.toISOString()}, before the last revocation list of ${issuer.id} was signed (${previous?.thisUpdate.toISOString() ?? 'never'})`,
      );
    const [certificate] = issuer.chain;
    if (!certificate) throw new PkiError('lint_failed', `the issuer ${issuer.id} has no certificate yet`);
    if (!Number.isSafeInteger(number) || number < 1)
      throw new PkiError('lint_failed', `${number} is no CRL number (RFC 5280 §5.2.3)`);
    const entries: LintedEntry[] = [];
    const tbs = encodeTbsCertList({
      signatureAlgorithm: algorithm,
      issuer: issuer.subject,
      thisUpdate,
      nextUpdate,
      revokedCertificates: Array.from(list.entries, (entry) => {
        const reason = reasonOf(entry);
        entries.push({ serialNumber: entry.serial, reason: reason === CrlReason.unspecified ? undefined : reason });
        return encodeEntry(entry, reason);
      }),
      extensions: [
        encodeExtensionOf.authorityKeyIdentifier({ keyIdentifier: issuer.keyIdentifier }),
        encodeExtensionOf.crlNumber(BigInt(number)),
      ],
    });
    const findings = lintCrl({ list: readBack(tbs, algorithm), entries, issuer: certificate, previous });
    if (findings.length > 0) throw new PkiError('lint_failed', findings.map(lintFindingToString).join('; '));
    this.issuer = issuer;
    this.#tbs = tbs;
  }

  /** The octets to sign. Throws PkiError `token_spent` the second time. */
  spend(): Uint8Array {
    const tbs = this.#tbs;
    if (!tbs) throw new PkiError('token_spent', 'this revocation list was signed before');
    this.#tbs = undefined;
    return tbs;
  }
}

/** The list as its readers will see it, but for the signature. Throws PkiError `lint_failed` for one that a strict reader refuses. */
function readBack(tbs: Uint8Array, algorithm: AlgorithmIdentifier): CertificateList {
  try {
    return decodeCertificateList(encodeSigned(tbs, algorithm, Uint8Array.of(0)));
  } catch (error) {
    if (error instanceof DecodeError) throw new PkiError('lint_failed', error.message, { cause: error });
    throw error;
  }
}

function reasonOf({ reason }: CrlEntry): number {
  if (!Object.hasOwn(CrlReason, reason)) throw new PkiError('lint_failed', `${reason} is no reason of RFC 5280 §5.3.1`);
  return CrlReason[reason as CrlReasonName];
}

function encodeEntry({ serial, revokedAt }: CrlEntry, reason: number): Uint8Array {
  return encodeRevokedCertificate({
    serialNumber: Buffer.from(serial, 'hex'),
    revocationDate: new Date(revokedAt),
    reason,
  });
}
