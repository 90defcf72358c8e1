import { CrlReason } from '../../revoked-certificate.js';
import { Oid } from '../../oids.js';
import type { OcspLintRule } from '../lint-rule.js';

/**
 * A certificate that was never issued may be reported as revoked (certificateHold, since 1970-01-01) only with the extension extended-revoke
 * (§4.4.8).
 */
export const ocspExtendedRevoke: OcspLintRule = {
  name: 'ocsp-extended-revoke',
  source: 'RFC 6960 §2.2',
  check: ({ response: { responses, extensions } }) =>
    extensions.has(Oid.ocspExtendedRevoke) ||
    responses.every(
      ({ certStatus }) =>
        certStatus.status !== 'revoked' ||
        certStatus.reason !== CrlReason.certificateHold ||
        certStatus.revocationTime.getTime() !== 0,
    )
      ? undefined
      : 'a certificate that was never issued is revoked without extended-revoke',
};
