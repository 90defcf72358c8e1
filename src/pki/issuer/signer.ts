import type { AlgorithmIdentifier, SignatureInParts, SubjectPublicKeyInfo } from '../../x509/index.js';

/** A private key somewhere: in a file, in a module. It signs octets and tells nothing else. */
export interface Signer {
  /** The public half. */
  readonly publicKey: SubjectPublicKeyInfo;
  /** What {@link Signer.sign} signs with. */
  readonly algorithm: AlgorithmIdentifier;
  /** Makes the key ready, so that what is wrong with it shows now and not at the first signature. */
  open(): Promise<void>;
  sign(octets: Uint8Array): Promise<Uint8Array> | Uint8Array;
  /** Begins a signature over octets that are too many to hold at once. */
  signInParts(): Promise<SignatureInParts>;
}
