import { certificatesAbove } from '../tls/index.js';
import type { Certificate } from '../x509/index.js';
import type { PresentedCertificate } from './peer-certificate.js';
import { Remembered } from './remembered.js';

/** The octets of several certificates. */
export const octetsOf = (certificates: readonly Certificate[]): number =>
  certificates.reduce((sum, { der }) => sum + der.length, 0);

/**
 * The CA certificates that clients present with their own. A resumed session has lost them, so those over which a path led are remembered, by the
 * client's certificate.
 */
export class PresentedIntermediates {
  readonly #remembered = new Remembered(octetsOf);

  /** Those that came with a certificate, or with the same one before, in whatever order they were sent. */
  of(leaf: PresentedCertificate): readonly Certificate[] {
    const sent = certificatesAbove(leaf);
    return sent.length > 0 ? sent : (this.#remembered.get(leaf.fingerprint256) ?? []);
  }

  /** Remembers those over which the path of a certificate led. */
  remember({ fingerprint256 }: PresentedCertificate, presented: readonly Certificate[]): void {
    this.#remembered.set(fingerprint256, presented);
  }
}
