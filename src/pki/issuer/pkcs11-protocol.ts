/** Where the CA's keys are on a PKCS#11 token. The values were validated with the configuration. */
export interface Pkcs11Settings {
  /** The path of the PKCS#11 module, the shared library of the token's vendor. */
  readonly module: string;
  /** The label of the token (CKA_LABEL of its CK_TOKEN_INFO). */
  readonly token: string;
  /** The path of the file with the user PIN, mode 0600. */
  readonly pinFile: string;
  /** The prefix of the CKA_LABEL of this CA's keys, before the issuer's id; `veritas-` when absent. */
  readonly keyLabelPrefix?: string;
  /** The kind of key to create when there is none; P-256 when absent. */
  readonly keyType?: Pkcs11KeyType;
  /** A folder whose node_modules contains pkcs11js, when it is not installed next to this program. */
  readonly packageDirectory?: string;
}

export type Pkcs11KeyType = 'P-256' | 'P-384' | 'Ed25519' | 'RSA-3072';

/** The workerData of a token's thread. */
export interface Pkcs11WorkerData {
  readonly module: string;
  readonly token: string;
  readonly pin: Uint8Array;
  /** Paths of files; pkcs11js is resolved as if required from each of them, in this order. */
  readonly packagesFrom: readonly string[];
}

/** A private key on a token: its CKA_ID in hexadecimal, whether it can be exported, and its public key. */
export interface Pkcs11Key {
  readonly id: string;
  /** True when CKA_SENSITIVE is set and CKA_EXTRACTABLE is not: the module never exports the key. */
  readonly stays: boolean;
  readonly publicKey:
    | { readonly kind: 'rsa'; readonly modulus: Uint8Array; readonly exponent: Uint8Array }
    /** `parameters`: CKA_EC_PARAMS in hexadecimal. `point`: the octets of CKA_EC_POINT without the OCTET STRING around them. */
    | { readonly kind: 'ec' | 'edwards'; readonly parameters: string; readonly point: Uint8Array };
}

/** How octets are signed: ECDSA over their SHA-256 or SHA-384 digest, RSASSA-PKCS1-v1_5 with SHA-256, or Ed25519. */
export type Pkcs11Mechanism = 'ecdsa-sha256' | 'ecdsa-sha384' | 'rsa-sha256' | 'ed25519';

/** A call to the thread. The first call opens the session with the token. */
export type Pkcs11Call =
  | { readonly name: 'keys'; readonly label: string }
  | { readonly name: 'create'; readonly label: string; readonly type: Pkcs11KeyType }
  | {
      readonly name: 'sign';
      readonly label: string;
      readonly id: string;
      readonly mechanism: Pkcs11Mechanism;
      readonly octets: Uint8Array;
      /** True when `octets` is the digest of the data to sign, and not the data itself. */
      readonly isDigest?: boolean;
    };

/**
 * The answer to each call. `keys`: every private key with the label. `create`: the new key. `sign`: the signature; for ECDSA, r and s concatenated.
 */
export interface Pkcs11Answers {
  readonly keys: readonly Pkcs11Key[];
  readonly create: Pkcs11Key;
  readonly sign: Uint8Array;
}

/** Why a call failed: the `step` that failed, the CKR_ number in `code` when the module returned one, and the `reason` in words. */
export interface Pkcs11Failure {
  readonly step: 'package' | 'module' | 'token' | 'login' | 'call';
  readonly code: number | undefined;
  readonly reason: string;
}

export interface Pkcs11Request {
  readonly id: number;
  readonly call: Pkcs11Call;
}

export type Pkcs11Response =
  | { readonly id: number; readonly value: Pkcs11Answers[Pkcs11Call['name']] }
  | { readonly id: number; readonly failure: Pkcs11Failure };
