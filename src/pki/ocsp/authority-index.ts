import { issuerDigests, type CertId } from '../../x509/index.js';
import type { CurrentAuthorities } from '../issuer/authorities.js';
import type { Authority } from '../issuer/authority.js';

const keyOf = ({
  digest,
  issuerNameHash,
  issuerKeyHash,
}: Pick<CertId, 'digest' | 'issuerNameHash' | 'issuerKeyHash'>) =>
  `${digest} ${Buffer.from(issuerNameHash).toString('latin1')}${Buffer.from(issuerKeyHash).toString('latin1')}`;

/**
 * Finds our CAs by the issuer digests of a CertID (RFC 6960 §4.1.1). Contains only CAs whose key is here, because only they can certify a responder.
 */
export class AuthorityIndex {
  readonly #authorities: CurrentAuthorities;
  #of: CurrentAuthorities['all'] | undefined;
  #index: ReadonlyMap<string, Authority> = new Map();

  constructor(authorities: CurrentAuthorities) {
    this.#authorities = authorities;
  }

  /** The CA that all of `certIds` name and that has not expired at `now`; undefined when they name no such CA or several CAs. */
  find(certIds: readonly CertId[], now: Date): Authority | undefined {
    const index = this.#current();
    const [authority, ...others] = new Set(certIds.map((certId) => index.get(keyOf(certId))));
    if (others.length > 0 || !authority) return undefined;
    return authority.certificate.notAfter > now ? authority : undefined;
  }

  /** All CAs of the index that have not expired at `now`. */
  answering(now: Date): Authority[] {
    return [...new Set(this.#current().values())].filter(({ certificate }) => certificate.notAfter > now);
  }

  /** Retired CAs go on answering, and so do removed ones, for clients that still trust them. Prepared CAs do not: they are not published yet. */
  #current(): ReadonlyMap<string, Authority> {
    const { all } = this.#authorities;
    if (this.#of === all) return this.#index;
    this.#index = new Map(
      all
        .filter(({ keyHere, state }) => keyHere && state !== 'prepared')
        .flatMap((authority) =>
          (['sha1', 'sha256'] as const).map((digest) => {
            const digests = issuerDigests(authority.certificate, digest);
            return [keyOf({ digest, ...digests }), authority] as const;
          }),
        ),
    );
    this.#of = all;
    return this.#index;
  }
}
