import type { KeyObject } from 'node:crypto';
import type { AlgorithmIdentifier, Hash, SigningScheme, SubjectPublicKeyInfo } from '../../x509/index.js';

/** Octets that are too many for the main thread to hash: whoever has them does that, and signs with a key that is in this process. */
export interface LargeOctets {
  digest(hash: Hash): Promise<Uint8Array>;
  sign(scheme: SigningScheme, key: KeyObject): Promise<Uint8Array>;
  /** All of them, in memory: for a key elsewhere that does not sign a digest. */
  whole(): Promise<Uint8Array>;
}

/** A private key somewhere: in a file, in a module. It signs octets and tells nothing else. */
export interface Signer {
  /** The public half. */
  readonly publicKey: SubjectPublicKeyInfo;
  /** What {@link Signer.sign} signs with. */
  readonly algorithm: AlgorithmIdentifier;
  /** Makes the key ready, so that what is wrong with it shows now and not at the first signature. */
  open(): Promise<void>;
  sign(octets: Uint8Array): Promise<Uint8Array> | Uint8Array;
  /** As {@link sign}. */
  signLarge(octets: LargeOctets): Promise<Uint8Array>;
}
