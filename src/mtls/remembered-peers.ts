import type { TrustedPeer } from './certificate-verifier.js';

// The octets of the certificates: enough for a fleet of some four thousand. What is read from a certificate takes up to fifty times as much memory.
const MAX_OCTETS = 4 * 1024 * 1024;

/**
 * Validated certificates by their fingerprints, so that a client's next connection costs no signature checks. When they come to more than 4 MiB, the
 * oldest are forgotten.
 */
export class RememberedPeers {
  readonly #peers = new Map<string, TrustedPeer>();
  #octets = 0;

  get(fingerprint: string): TrustedPeer | undefined {
    return this.#peers.get(fingerprint);
  }

  set(fingerprint: string, peer: TrustedPeer): void {
    this.#forget(fingerprint);
    this.#peers.set(fingerprint, peer);
    this.#octets += octetsOf(peer);
    for (const [oldest] of this.#peers) {
      if (this.#octets <= MAX_OCTETS) break;
      this.#forget(oldest);
    }
  }

  #forget(fingerprint: string): void {
    const peer = this.#peers.get(fingerprint);
    if (!peer) return;
    this.#peers.delete(fingerprint);
    this.#octets -= octetsOf(peer);
  }
}

const octetsOf = ({ path: { leaf } }: TrustedPeer): number => leaf.der.length;
