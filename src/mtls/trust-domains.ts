import type { RevocationMode } from '../revocation/index.js';
import { spiffeIdOf, trustDomainOf, validateCertificatePath, type Certificate } from '../x509/index.js';
import type { CaCertificates, TrustAnchors } from './trust-anchors.js';

/** The CAs that may vouch for a certificate. */
export interface Vouching extends CaCertificates {
  /** What the client presented with it, where no path leads over the others alone. */
  readonly presented?: readonly Certificate[];
  /** The trust domain that they speak for, where it has a name. */
  readonly trustDomain: string | undefined;
  /** Whether that is another domain than our own: then they can vouch for SPIFFE IDs only. */
  readonly isFederated: boolean;
  /** The mode of revocation, instead of the one for our own CAs. */
  readonly revocation?: RevocationMode | undefined;
}

/**
 * The share of the permitted work that one of these paths may cost: everybody waits for it, strangers choose the certificate, and another domain its
 * CAs.
 */
export const WORK_SHARE = 1 / 4;

const NOBODY: CaCertificates = { anchors: [], intermediates: [] };

/**
 * The CAs at which the path of a certificate has to end: those of the trust domain that its SPIFFE ID names, and of no other (SPIFFE Trust Domain and
 * Bundle §3); our own where it has no SPIFFE ID. They are chosen before a path is looked for, so that no cross-certificate leads from one domain into
 * another.
 */
export function vouchingFor(leaf: Certificate, trust: TrustAnchors): Vouching {
  const own = { ...trust, isFederated: false, trustDomain: trust.trustDomain };
  const { federated, trustDomain } = trust;
  if (federated === undefined && trustDomain === undefined) return own;
  const id = spiffeIdOf(leaf);
  if (id === undefined) return own;
  const claimed = trustDomainOf(id);
  const other = federated?.get(claimed);
  if (other) return { ...other, isFederated: true, trustDomain: claimed };
  if (trustDomain === undefined || trustDomain === claimed) return own;
  return { ...NOBODY, isFederated: true, trustDomain: claimed };
}

/**
 * For the log: that a trust domain vouches for a certificate which does not belong to it; undefined where none does. `vouching` are the CAs that do
 * not vouch for it.
 */
export function wrongDomain({
  leaf,
  trust,
  vouching,
  time,
}: {
  readonly leaf: Certificate;
  readonly trust: TrustAnchors;
  readonly vouching: Vouching;
  readonly time: Date;
}): object | undefined {
  if (trust.federated === undefined && trust.trustDomain === undefined) return undefined;
  const id = spiffeIdOf(leaf);
  const claimed = id === undefined ? undefined : trustDomainOf(id);
  const domains = [...(trust.federated ?? []), [trust.trustDomain, trust] as const];
  for (const [trustDomain, { anchors, intermediates }] of domains) {
    if (anchors === vouching.anchors) continue;
    const { ok } = validateCertificatePath({ leaf, anchors, intermediates, time, workShare: WORK_SHARE });
    if (ok)
      return {
        code: 'trust_domain',
        rule: 'SPIFFE Trust Domain and Bundle §3',
        message:
          id === undefined
            ? 'a CA of another trust domain gives SPIFFE IDs alone'
            : 'the CA speaks for another trust domain than that of the SPIFFE ID',
        spiffeId: id,
        claimed: claimed ?? null,
        vouchedForBy: trustDomain ?? 'own',
      };
  }
  return undefined;
}
