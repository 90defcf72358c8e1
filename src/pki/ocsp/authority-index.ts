import { issuerDigests, type CertId } from '../../x509/index.js';
import type { CurrentAuthorities } from '../issuer/authorities.js';
import type { Authority } from '../issuer/authority.js';

const keyOf = ({
  digest,
  issuerNameHash,
  issuerKeyHash,
}: Pick<CertId, 'digest' | 'issuerNameHash' | 'issuerKeyHash'>) =>
  `${digest} ${Buffer.from(issuerNameHash).toString('latin1')}${Buffer.from(issuerKeyHash).toString('latin1')}`;

/** Our CAs by what a CertID says of an issuer: those whose key is here, so that they can name a responder. */
export class AuthorityIndex {
  readonly #authorities: CurrentAuthorities;
  #of: CurrentAuthorities['all'] | undefined;
  #index: ReadonlyMap<string, Authority> = new Map();

  constructor(authorities: CurrentAuthorities) {
    this.#authorities = authorities;
  }

  /** The CA that all of `certIds` name and that answers at `now`; undefined when there is none, or more than one. */
  find(certIds: readonly CertId[], now: Date): Authority | undefined {
    const index = this.#current();
    const [authority, ...others] = new Set(certIds.map((certId) => index.get(keyOf(certId))));
    if (others.length > 0 || !authority) return undefined;
    return authority.certificate.notAfter > now ? authority : undefined;
  }

  /** Every CA that answers at `now`. */
  answering(now: Date): Authority[] {
    return [...new Set(this.#current().values())].filter(({ certificate }) => certificate.notAfter > now);
  }

  /** A retired CA goes on answering, and a removed one for who has not heard of it; nobody knows of a prepared one. */
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
