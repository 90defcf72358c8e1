import { CrlReason } from '../../revoked-certificate.js';
import type { OcspLintRule } from '../lint-rule.js';

const NOT_HERE: ReadonlySet<number | undefined> = new Set([CrlReason.unspecified, CrlReason.removeFromCRL]);

/** `unspecified` must be omitted, and removeFromCRL is only for delta CRLs. */
export const ocspReason: OcspLintRule = {
  name: 'ocsp-reason',
  source: 'RFC 5280 §5.3.1',
  check: ({ response: { responses } }) => {
    for (const { certStatus, certId } of responses)
      if (certStatus.status === 'revoked' && NOT_HERE.has(certStatus.reason))
        return `${certId.serialNumber} is revoked for the reason ${certStatus.reason}`;
    return undefined;
  },
};
