import { DecodeError } from '../../der/index.js';
import type { CertificateList } from '../certificate-list.js';
import type { Certificate } from '../certificate.js';
import type { GeneralName } from '../general-name.js';
import { sameName } from '../name.js';
import { CrlReason, isFinal, type RevokedCertificate } from '../revoked-certificate.js';

interface Entry {
  readonly entry: RevokedCertificate;
  /** The certificate's issuer: in an indirect CRL, the one that the last entry to name any named (RFC 5280 §5.3.3); undefined for the CRL's own issuer. */
  readonly issuer: readonly GeneralName[] | undefined;
}

/**
 * What CRLs say about the certificates of one call. Each CRL is read once, however many certificates it is asked about, and only entries with one of their
 * serial numbers are kept.
 */
export class CrlEntries {
  readonly #read = new Map<CertificateList, ReadonlyMap<string, readonly Entry[]> | undefined>();

  /** `serialNumbers`: those of every certificate that may be asked about. */
  constructor(readonly serialNumbers: ReadonlySet<string>) {}

  /** Whether the CRL's entries can be used: none is malformed or has an unknown critical extension (RFC 5280 §5.3). */
  isUsable(crl: CertificateList): boolean {
    return this.#entriesOf(crl) !== undefined;
  }

  /** The entry about `certificate`. Of several, one that revokes for good comes before one on hold. */
  find(crl: CertificateList, certificate: Certificate): RevokedCertificate | undefined {
    const entries = this.#entriesOf(crl)
      ?.get(certificate.serialNumber)
      ?.filter(({ issuer }) =>
        issuer
          ? issuer.some((name) => name.kind === 'directory' && sameName(name.value, certificate.issuer))
          : sameName(crl.issuer, certificate.issuer),
      )
      .map(({ entry }) => entry);
    return (
      entries?.find(isFinal) ?? entries?.find(({ reason }) => reason === CrlReason.certificateHold) ?? entries?.at(0)
    );
  }

  #entriesOf(crl: CertificateList): ReadonlyMap<string, readonly Entry[]> | undefined {
    if (!this.#read.has(crl)) this.#read.set(crl, this.#readEntries(crl));
    return this.#read.get(crl);
  }

  #readEntries(crl: CertificateList): ReadonlyMap<string, readonly Entry[]> | undefined {
    const indirect = crl.extensions.issuingDistributionPoint?.indirectCrl === true;
    const found = new Map<string, Entry[]>();
    let issuer: readonly GeneralName[] | undefined;
    try {
      const scanner = crl.scan();
      while (scanner.next()) {
        const { unusual } = scanner;
        if (unusual && (unusual.unknownCritical.length > 0 || (unusual.certificateIssuer && !indirect)))
          return undefined;
        issuer = unusual?.certificateIssuer ?? issuer;
        const { serialNumber } = scanner;
        if (!this.serialNumbers.has(serialNumber)) continue;
        const { entry } = scanner;
        const entries = found.get(serialNumber);
        if (entries) entries.push({ entry, issuer });
        else found.set(serialNumber, [{ entry, issuer }]);
      }
    } catch (error) {
      if (error instanceof DecodeError) return undefined;
      throw error;
    }
    return found;
  }
}
