import { KeyUsage, Oid } from '../../x509/index.js';
import type { NameRuleTexts } from './name-rules.js';
import type { EndEntityProfile, KeyType } from './profile.js';
import type { RequesterRuleTexts } from './requesters.js';

/** The purposes that a profile can give (RFC 5280 §4.2.1.12). */
export const PURPOSES = {
  serverAuth: Oid.serverAuth,
  clientAuth: Oid.clientAuth,
} as const;
export type Purpose = keyof typeof PURPOSES;

/** The key usages that a profile for handshakes can give (RFC 5280 §4.2.1.3). */
export const KEY_USAGES = {
  digitalSignature: KeyUsage.digitalSignature,
  keyEncipherment: KeyUsage.keyEncipherment,
  keyAgreement: KeyUsage.keyAgreement,
} as const;
export type KeyUsageName = keyof typeof KEY_USAGES;

/** A profile as it is written. Lifetimes in seconds. */
export interface ProfileDefinition {
  readonly name: string;
  /** `end-entity` when absent; the other kinds are for names of their own. */
  readonly kind?: 'end-entity' | 'intermediate' | 'ocsp-responder' | 'crl-issuer' | undefined;
  /** Of an end entity, at least one. */
  readonly purposes?: readonly Purpose[] | undefined;
  /** `pki.serviceLifetime` when absent, or `maximumLifetime` when that is less; of an intermediate CA `maximumLifetime`. */
  readonly lifetime?: number | undefined;
  /** That of the kind when absent; of an end entity 90 days, or `pki.serviceLifetime` when that is longer. */
  readonly maximumLifetime?: number | undefined;
  /** Every kind when absent. */
  readonly keyTypes?: readonly KeyType[] | undefined;
  readonly minimumRsaBits?: number | undefined;
  readonly identity?: EndEntityProfile['identity'] | undefined;
  readonly names?: NameRuleTexts | undefined;
  /** See {@link EndEntityProfile.requesters}. */
  readonly requesters?: readonly RequesterRuleTexts[] | undefined;
  /** Digital signatures always; more only where the kind of key can do it. What the kind of key is usually for when absent. */
  readonly keyUsages?: readonly KeyUsageName[] | undefined;
  /** `pki.backdate` when absent. */
  readonly backdate?: number | undefined;
  /** `pki.publicationUrl` when absent. */
  readonly publicationUrl?: string | undefined;
  /** noRevAvail (RFC 9608), for lifetimes up to a week; false when absent. */
  readonly noRevocation?: boolean | undefined;
  /** RFC 7633, for servers; false when absent. */
  readonly mustStaple?: boolean | undefined;
  /** Of an intermediate CA, as are the constraints: what who signs says when absent. */
  readonly pathLength?: number | undefined;
  readonly nameConstraints?: NameConstraintTexts | undefined;
}

/** Bases as `DNS:example.org`, `IP:10.0.0.0/8` and `URI:.example.org`. */
export interface NameConstraintTexts {
  readonly permit?: readonly string[] | undefined;
  readonly exclude?: readonly string[] | undefined;
}
