import { Tag, type DerReader } from '../der/index.js';
import { decodeSerialNumber } from './certificate.js';
import { decodeExtension, decodeExtensions } from './extension.js';
import { decodeGeneralNames, type GeneralName } from './general-name.js';
import { Oid } from './oids.js';

/** CRLReason's values by name (RFC 5280 §5.3.1). */
export const CrlReason = {
  unspecified: 0,
  keyCompromise: 1,
  cACompromise: 2,
  affiliationChanged: 3,
  superseded: 4,
  cessationOfOperation: 5,
  certificateHold: 6,
  removeFromCRL: 8,
  privilegeWithdrawn: 9,
  aACompromise: 10,
} as const;
export type CrlReasonName = keyof typeof CrlReason;

/** One entry of revokedCertificates (RFC 5280 §5.1.2.6). `certificateIssuer` is set only where the entry names one (§5.3.3). */
export interface RevokedCertificate {
  /** As {@link Certificate.serialNumber}. */
  readonly serialNumber: string;
  readonly revocationDate: Date;
  readonly reason: number | undefined;
  /** When the key is known or suspected to have been compromised, where the entry says so (RFC 5280 §5.3.2). */
  readonly invalidityDate: Date | undefined;
  readonly certificateIssuer: readonly GeneralName[] | undefined;
  /** OIDs of critical entry extensions that are not processed here: such a CRL must not be used (RFC 5280 §5.3). */
  readonly unknownCritical: readonly string[];
}

/** Whether an entry revokes for good: neither on hold nor released from it. */
export const isFinal = ({ reason }: { readonly reason: number | undefined }): boolean =>
  reason !== CrlReason.certificateHold && reason !== CrlReason.removeFromCRL;

const PLAIN = {
  reason: undefined,
  invalidityDate: undefined,
  certificateIssuer: undefined,
  unknownCritical: [],
} as const;

/** Reads one entry. Throws DecodeError. */
export function decodeRevokedCertificate(reader: DerReader, version: 1 | 2): RevokedCertificate {
  const entry = reader.enter(Tag.SEQUENCE, 'revoked certificate');
  const serialNumber = decodeSerialNumber(entry, 'userCertificate');
  const revocationDate = entry.time('revocationDate');
  if (entry.done) return { ...PLAIN, serialNumber, revocationDate };
  if (version === 1) entry.fail('entry extensions in a CRL of version 1');
  const all = decodeExtensions(entry, 'crlEntryExtensions');
  entry.end('revoked certificate');
  return {
    serialNumber,
    revocationDate,
    reason: decodeExtension(all, Oid.reasonCode, reader, decodeReason),
    invalidityDate: decodeExtension(all, Oid.invalidityDate, reader, (value) =>
      value.generalizedTime('invalidityDate'),
    ),
    certificateIssuer: decodeExtension(all, Oid.certificateIssuer, reader, (value) =>
      decodeGeneralNames(value, 'certificateIssuer', Tag.SEQUENCE),
    ),
    unknownCritical: [...all.values()]
      .filter(
        ({ oid, critical }) =>
          critical && oid !== Oid.reasonCode && oid !== Oid.certificateIssuer && oid !== Oid.invalidityDate,
      )
      .map(({ oid }) => oid),
  };
}

/** Reads a CRLReason (RFC 5280 §5.3.1). Throws DecodeError. */
export function decodeReason(value: DerReader): number {
  const reason = value.enumerated('reasonCode');
  if (reason > 10 || reason === 7) value.fail(`reasonCode ${reason} is not assigned`);
  return reason;
}
