/** Where keys on a PKCS#11 token are, proven elsewhere. */
export interface Pkcs11Settings {
  /** The shared library of the token's maker. */
  readonly module: string;
  /** The label of the token (CKA_LABEL of its CK_TOKEN_INFO). */
  readonly token: string;
  /** The file of the user's PIN, 0600. */
  readonly pinFile: string;
  /** What the labels of our keys begin with; the issuer's id follows. `veritas-` when absent. */
  readonly keyLabelPrefix?: string;
  /** What kind of key is made where there is none; P-256 when absent. */
  readonly keyType?: Pkcs11KeyType;
  /** A folder with pkcs11js in its node_modules, when that is not installed beside this program. */
  readonly packageDirectory?: string;
}

export type Pkcs11KeyType = 'P-256' | 'P-384' | 'Ed25519' | 'RSA-3072';

/** What the thread of a token is started with. */
export interface Pkcs11WorkerData {
  readonly module: string;
  readonly token: string;
  readonly pin: Uint8Array;
  /** Files from whose folders pkcs11js is looked for, in order. */
  readonly packagesFrom: readonly string[];
}

/** One private key on a token: its CKA_ID in hexadecimal, what may be done with it, and the attributes of its public half. */
export interface Pkcs11Key {
  readonly id: string;
  /** CKA_SENSITIVE and not CKA_EXTRACTABLE: the module does not give it out. */
  readonly stays: boolean;
  readonly publicKey:
    | { readonly kind: 'rsa'; readonly modulus: Uint8Array; readonly exponent: Uint8Array }
    /** CKA_EC_PARAMS in hexadecimal, and the octets of CKA_EC_POINT without the OCTET STRING around them. */
    | { readonly kind: 'ec' | 'edwards'; readonly parameters: string; readonly point: Uint8Array };
}

/** How octets are signed: ECDSA over their digest, RSA PKCS#1 1.5 with SHA-256, Ed25519. */
export type Pkcs11Mechanism = 'ecdsa-sha256' | 'ecdsa-sha384' | 'rsa-sha256' | 'ed25519';

/** What the thread can be asked for. It opens the token for the first one. */
export type Pkcs11Call =
  | { readonly name: 'keys'; readonly label: string }
  | { readonly name: 'create'; readonly label: string; readonly type: Pkcs11KeyType }
  | {
      readonly name: 'sign';
      readonly label: string;
      readonly id: string;
      readonly mechanism: Pkcs11Mechanism;
      readonly octets: Uint8Array;
      /** `octets` are the digest of what is signed, which was made elsewhere. */
      readonly isDigest?: boolean;
    };

/** What each call is answered with: `create` with one key, `sign` with a signature, ECDSA's as r and s side by side. */
export interface Pkcs11Answers {
  readonly keys: readonly Pkcs11Key[];
  readonly create: Pkcs11Key;
  readonly sign: Uint8Array;
}

/** Why a call failed. `step` is where, `code` the CKR_ number when the module gave one, `reason` its name. */
export interface Pkcs11Failure {
  readonly step: 'package' | 'module' | 'token' | 'login' | 'call';
  readonly code: number | undefined;
  readonly reason: string;
}

export interface Pkcs11Request {
  readonly number: number;
  readonly call: Pkcs11Call;
}

export type Pkcs11Response =
  | { readonly number: number; readonly value: Pkcs11Answers[Pkcs11Call['name']] }
  | { readonly number: number; readonly failure: Pkcs11Failure };
