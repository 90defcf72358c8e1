import type { CertificateList } from '../certificate-list.js';
import { KeyUsage } from '../certificate-extensions.js';
import type { Certificate } from '../certificate.js';
import { sameName } from '../name.js';
import type { Candidate, CandidatePool } from './candidate-pool.js';
import { keyCost } from './key-cost.js';
import type { CandidatePath } from './path-search.js';

/**
 * Who signed a CRL, and whether to believe it (RFC 5280 §6.3.3 (f), (g)). The signer's certificate has the CRL issuer's name, may sign CRLs, and has the key
 * that made the signature; it stands in the path above the certificate in question, or has a valid path of its own to the same anchor.
 */
export class CrlIssuers {
  readonly #believed = new Map<Certificate, Map<Certificate, boolean>>();
  readonly #asked = new Set<Certificate>();

  /** `isTrusted`: whether a certificate has a valid, unrevoked path to `anchor`. */
  constructor(
    readonly pool: CandidatePool,
    readonly isTrusted: (certificate: Certificate, anchor: Certificate) => boolean,
  ) {}

  /** The certificate whose key vouches for what `crl` says about the first certificate of `path`. Throws WorkLimitReached. */
  signerOf(crl: CertificateList, path: CandidatePath): Certificate | undefined {
    const anchor = path.at(-1) ?? path[0];
    // The first certificate of a path cannot vouch for itself, but it may have a path of its own.
    const inPath = path.slice(1).filter(({ subject }) => sameName(subject, crl.issuer));
    const direct = inPath.find((certificate) => this.#signed(crl, certificate));
    if (direct) return direct;
    return this.#signersOf(crl).find(
      ({ certificate }) => this.#signed(crl, certificate) && this.#isBelieved(certificate, anchor),
    )?.certificate;
  }

  /** Who may have signed. When the key that the CRL names did, only the certificates with that key: any number of strangers can have the name. */
  #signersOf(crl: CertificateList): readonly Candidate[] {
    const named = this.#named(crl);
    const signer = named.find(
      ({ certificate }) =>
        keyCost(crl.extensions.authorityKeyIdentifier, certificate) === 0 &&
        this.pool.signatures.verify(crl, certificate.publicKey),
    );
    return signer ? named.filter(({ entity }) => entity === signer.entity) : named;
  }

  /**
   * Whether `crl` was signed by the very key that issued the first certificate of `path`, when some certificate of that key, below any anchor, has the right to
   * sign CRLs. What such a list revokes is revoked, even if the path goes through a certificate of that key without the right.
   */
  isByIssuer(crl: CertificateList, [, issuer]: CandidatePath): boolean {
    if (!issuer) return false;
    const entity = this.pool.entityOf(issuer);
    return this.#named(crl).some(
      (one) =>
        one.entity === entity &&
        this.#signed(crl, one.certificate) &&
        this.pool.anchors.some((anchor) => this.#isBelieved(one.certificate, anchor.certificate)),
    );
  }

  #named(crl: CertificateList): readonly Candidate[] {
    const named = this.pool.named(crl.issuer.key);
    this.pool.signatures.work.step(named.length);
    return named;
  }

  #signed(crl: CertificateList, { extensions, publicKey }: Certificate): boolean {
    return extensions.keyUsage?.has(KeyUsage.cRLSign) !== false && this.pool.signatures.verify(crl, publicKey);
  }

  #isBelieved(certificate: Certificate, anchor: Certificate): boolean {
    const known = this.#believed.get(certificate)?.get(anchor);
    if (known !== undefined) return known;
    // Whether to believe a signer may depend on a CRL that it signed itself: that is allowed only when its CA points to it.
    if (this.#asked.has(certificate)) return answersForItself(certificate);
    this.#asked.add(certificate);
    const result = this.isTrusted(certificate, anchor);
    this.#asked.delete(certificate);
    // An answer that was found while other questions are open may rest on such a CRL, and is not kept.
    if (this.#asked.size === 0) {
      const byAnchor = this.#believed.get(certificate) ?? new Map<Certificate, boolean>();
      this.#believed.set(certificate, byAnchor.set(anchor, result));
    }
    return result;
  }
}

const answersForItself = ({ subject, extensions }: Certificate): boolean =>
  extensions.crlDistributionPoints?.some((point) =>
    point.crlIssuer?.some((name) => name.kind === 'directory' && sameName(name.value, subject)),
  ) === true;
