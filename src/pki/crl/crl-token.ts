import {
  CrlReason,
  encodeExtensionOf,
  encodeRevokedCertificate,
  encodeTbsCertList,
  type AlgorithmIdentifier,
  type CrlReasonName,
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
   * `thisUpdate` is not before `nextUpdate` or lies before the list `previous`, `lint_failed` when `number` is not above the number of that.
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
        `the clock says ${thisUpdate.toISOString()}, before the last revocation list of ${issuer.id} was signed`,
      );
    if (!Number.isSafeInteger(number) || number < 1 || (previous && number <= previous.number))
      throw new PkiError('lint_failed', `CRL number ${number} does not rise (RFC 5280 §5.2.3)`);
    this.issuer = issuer;
    this.#tbs = encodeTbsCertList({
      signatureAlgorithm: algorithm,
      issuer: issuer.subject,
      thisUpdate,
      nextUpdate,
      revokedCertificates: Array.from(list.entries, encodeEntry),
      extensions: [
        encodeExtensionOf.authorityKeyIdentifier({ keyIdentifier: issuer.keyIdentifier }),
        encodeExtensionOf.crlNumber(BigInt(number)),
      ],
    });
  }

  /** The octets to sign. Throws PkiError `token_spent` the second time. */
  spend(): Uint8Array {
    const tbs = this.#tbs;
    if (!tbs) throw new PkiError('token_spent', 'this revocation list was signed before');
    this.#tbs = undefined;
    return tbs;
  }
}

function encodeEntry({ serial, revokedAt, reason }: CrlEntry): Uint8Array {
  if (!Object.hasOwn(CrlReason, reason)) throw new PkiError('lint_failed', `${reason} is no reason of RFC 5280 §5.3.1`);
  return encodeRevokedCertificate({
    serialNumber: Buffer.from(serial, 'hex'),
    revocationDate: new Date(revokedAt),
    reason: CrlReason[reason as CrlReasonName],
  });
}
