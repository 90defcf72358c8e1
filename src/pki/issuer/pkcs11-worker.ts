import { createHash, randomBytes } from 'node:crypto';
import { createRequire } from 'node:module';
import { parentPort, workerData } from 'node:worker_threads';
import type {
  Pkcs11Answers,
  Pkcs11Call,
  Pkcs11Failure,
  Pkcs11Key,
  Pkcs11Mechanism,
  Pkcs11Request,
  Pkcs11Response,
  Pkcs11WorkerData,
} from './pkcs11-protocol.js';

/*
 * The worker thread that holds the session with a token. Calls into a PKCS#11 module are synchronous and may take long, so they must not run on the
 * main thread. This file imports nothing of this program at run time, so that a Worker can run it as TypeScript or compiled.
 */

/** The part of pkcs11js that is used here. Handles are opaque buffers of pkcs11js. */
interface Cryptoki {
  load(path: string): void;
  C_Initialize(): void;
  C_GetSlotList(tokenPresent: boolean): Buffer[];
  C_GetTokenInfo(slot: Buffer): { readonly label: string };
  C_OpenSession(slot: Buffer, flags: number): Buffer;
  C_CloseSession(session: Buffer): void;
  C_Login(session: Buffer, user: number, pin: string): void;
  C_FindObjectsInit(session: Buffer, template: readonly Attribute[]): void;
  C_FindObjects(session: Buffer, most: number): Buffer[];
  C_FindObjectsFinal(session: Buffer): void;
  C_GetAttributeValue(session: Buffer, object: Buffer, template: readonly Attribute[]): { readonly value: Buffer }[];
  C_GenerateKeyPair(
    session: Buffer,
    mechanism: Mechanism,
    publicTemplate: readonly Attribute[],
    privateTemplate: readonly Attribute[],
  ): { readonly privateKey: Buffer; readonly publicKey: Buffer };
  C_SignInit(session: Buffer, mechanism: Mechanism, key: Buffer): void;
  C_Sign(session: Buffer, data: Buffer, signature: Buffer): Buffer;
}

interface Attribute {
  readonly type: number;
  readonly value?: Buffer | string | number | boolean;
}
interface Mechanism {
  readonly mechanism: number;
  readonly parameter?: null;
}

// Numbers from the header files of PKCS #11 v2.40 and v3.0; they are the same in every module.
const CKR = { alreadyInitialized: 0x191, alreadyLoggedIn: 0x100 };
const CKF_RW_SERIAL_SESSION = 0x06;
const CKU_USER = 1;
const CKO = { publicKey: 2, privateKey: 3 };
const CKK = { rsa: 0, ec: 3, edwards: 0x40 };
const CKA = {
  class: 0x000,
  token: 0x001,
  private: 0x002,
  label: 0x003,
  keyType: 0x100,
  id: 0x102,
  sensitive: 0x103,
  decrypt: 0x105,
  unwrap: 0x107,
  sign: 0x108,
  verify: 0x10a,
  derive: 0x10c,
  modulus: 0x120,
  modulusBits: 0x121,
  publicExponent: 0x122,
  extractable: 0x162,
  ecParams: 0x180,
  ecPoint: 0x181,
};
const MOST_KEYS = 16;

const KINDS = {
  'P-256': { keyType: CKK.ec, mechanism: 0x1040, attributes: curve('06082a8648ce3d030107') },
  'P-384': { keyType: CKK.ec, mechanism: 0x1040, attributes: curve('06052b81040022') },
  Ed25519: { keyType: CKK.edwards, mechanism: 0x1055, attributes: curve('06032b6570') },
  'RSA-3072': {
    keyType: CKK.rsa,
    mechanism: 0x0000,
    attributes: [
      { type: CKA.modulusBits, value: 3072 },
      { type: CKA.publicExponent, value: Buffer.from([1, 0, 1]) },
    ],
  },
};

const MECHANISMS: Readonly<
  Record<Pkcs11Mechanism, { readonly mechanism: number; readonly digest?: 'sha256' | 'sha384' }>
> = {
  // CKM_ECDSA signs a digest that is computed here, so that a large revocation list is not sent to the token.
  'ecdsa-sha256': { mechanism: 0x1041, digest: 'sha256' },
  'ecdsa-sha384': { mechanism: 0x1041, digest: 'sha384' },
  'rsa-sha256': { mechanism: 0x0040 },
  ed25519: { mechanism: 0x1057 },
};
// CKM_RSA_PKCS signs a DigestInfo (RFC 8017 §9.2). SHA256_DIGEST_INFO is the part of it that comes before a SHA-256 digest.
const CKM_RSA_PKCS = 0x0001;
const SHA256_DIGEST_INFO = Buffer.from('3031300d060960864801650304020105000420', 'hex');

/**
 * The data to send to the token for a signature, and the CKM_ number of the mechanism. Throws when `octets` is a digest and the mechanism cannot sign
 * digests.
 */
function signingOf(name: Pkcs11Mechanism, octets: Buffer, isDigest: boolean): { data: Buffer; how: number } {
  const { digest, mechanism } = MECHANISMS[name];
  if (digest) return { data: isDigest ? octets : createHash(digest).update(octets).digest(), how: mechanism };
  if (!isDigest) return { data: octets, how: mechanism };
  if (name !== 'rsa-sha256') throw new Error('Ed25519 signs no digest');
  return { data: Buffer.concat([SHA256_DIGEST_INFO, octets]), how: CKM_RSA_PKCS };
}

function curve(der: string): readonly Attribute[] {
  return [{ type: CKA.ecParams, value: Buffer.from(der, 'hex') }];
}

class Failed extends Error {
  readonly failure: Pkcs11Failure;
  constructor(failure: Pkcs11Failure) {
    super(failure.reason);
    this.failure = failure;
  }
}

/** Runs `work`; an error becomes {@link Failed} with the `step` at which it happened. */
function attempt<T>(step: Pkcs11Failure['step'], work: () => T): T {
  try {
    return work();
  } catch (error) {
    const code = codeOf(error);
    if (error instanceof Failed) throw error;
    throw new Failed({ step, code, reason: error instanceof Error ? error.message : String(error) });
  }
}

/** Runs `work`, and ignores the error with the CKR_ number `code`, with which the module says that it was done before. */
function once(code: number, work: () => void): void {
  try {
    work();
  } catch (error) {
    if (codeOf(error) !== code) throw error;
  }
}

function codeOf(error: unknown): number | undefined {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'number' ? code : undefined;
}

function loadCryptoki(from: readonly string[]): Cryptoki {
  for (const file of from) {
    const load = createRequire(file);
    try {
      load.resolve('pkcs11js');
    } catch {
      continue;
    }
    const { PKCS11 } = load('pkcs11js') as { readonly PKCS11: new () => Cryptoki };
    return new PKCS11();
  }
  throw new Error('not found');
}

/** A session with the token. */
class Session {
  readonly #cryptoki: Cryptoki;
  readonly #session: Buffer;
  readonly #handles = new Map<string, Buffer>();

  constructor({ module, token, packagesFrom }: Pkcs11WorkerData) {
    const cryptoki = attempt('package', () => loadCryptoki(packagesFrom));
    this.#cryptoki = cryptoki;
    attempt('module', () => cryptoki.load(module));
    // The module may have been initialized by another thread of this process.
    attempt('module', () => once(CKR.alreadyInitialized, () => cryptoki.C_Initialize()));
    this.#session = attempt('token', () => {
      const slots = cryptoki
        .C_GetSlotList(true)
        .filter((slot) => cryptoki.C_GetTokenInfo(slot).label.trimEnd() === token);
      if (slots.length > 1) throw new Error('several tokens have this label');
      const [slot] = slots;
      if (!slot) throw new Error('not found');
      return cryptoki.C_OpenSession(slot, CKF_RW_SERIAL_SESSION);
    });
  }

  logIn(pin: Uint8Array): void {
    // pkcs11js takes the PIN only as a string, which cannot be wiped.
    const text = Buffer.from(pin.buffer, pin.byteOffset, pin.byteLength).toString('utf8');
    attempt('login', () => once(CKR.alreadyLoggedIn, () => this.#cryptoki.C_Login(this.#session, CKU_USER, text)));
  }

  close(): void {
    this.#cryptoki.C_CloseSession(this.#session);
  }

  keys(label: string): Pkcs11Key[] {
    const wanted = [
      { type: CKA.class, value: CKO.privateKey },
      { type: CKA.label, value: label },
    ];
    return this.#find(wanted)
      .map((handle) => this.#describe(label, handle))
      .toSorted((a, b) => (a.id < b.id ? -1 : 1));
  }

  create(label: string, type: keyof typeof KINDS): Pkcs11Key {
    const { keyType, mechanism, attributes } = KINDS[type];
    const both = [
      { type: CKA.token, value: true },
      { type: CKA.label, value: label },
      { type: CKA.keyType, value: keyType },
      { type: CKA.id, value: randomBytes(16) },
    ];
    const { privateKey } = this.#cryptoki.C_GenerateKeyPair(
      this.#session,
      { mechanism, parameter: null },
      [...both, { type: CKA.class, value: CKO.publicKey }, { type: CKA.verify, value: true }, ...attributes],
      [
        ...both,
        { type: CKA.class, value: CKO.privateKey },
        { type: CKA.private, value: true },
        { type: CKA.sensitive, value: true },
        { type: CKA.extractable, value: false },
        { type: CKA.sign, value: true },
        { type: CKA.decrypt, value: false },
        { type: CKA.unwrap, value: false },
        { type: CKA.derive, value: false },
      ],
    );
    return this.#describe(label, privateKey);
  }

  sign({ label, id, mechanism, octets, isDigest = false }: Extract<Pkcs11Call, { name: 'sign' }>): Uint8Array {
    const key = `${label}/${id}`;
    if (!this.#handles.has(key)) this.keys(label);
    const handle = this.#handles.get(key);
    if (!handle) throw new Error(`the key ${label} is gone`);
    const { data, how } = signingOf(mechanism, Buffer.from(octets), isDigest);
    this.#cryptoki.C_SignInit(this.#session, { mechanism: how, parameter: null }, handle);
    // Large enough for the signature of an RSA key of 8192 bits.
    return this.#cryptoki.C_Sign(this.#session, data, Buffer.alloc(1024));
  }

  #describe(label: string, handle: Buffer): Pkcs11Key {
    const [id, sensitive, extractable, keyType] = this.#read(handle, [
      CKA.id,
      CKA.sensitive,
      CKA.extractable,
      CKA.keyType,
    ]);
    if (!id || !sensitive || !extractable || !keyType) throw new Error('the key lacks attributes');
    this.#handles.set(`${label}/${id.toString('hex')}`, handle);
    const [publicKey] = this.#find([
      { type: CKA.class, value: CKO.publicKey },
      { type: CKA.id, value: id },
    ]);
    if (!publicKey) throw new Error(`the public half of the key ${label} is not on the token`);
    const stays = sensitive[0] === 1 && extractable[0] === 0;
    return { id: id.toString('hex'), stays, publicKey: this.#publicKey(publicKey, keyType[0]) };
  }

  #publicKey(handle: Buffer, keyType: number | undefined): Pkcs11Key['publicKey'] {
    if (keyType === CKK.rsa) {
      const [modulus, exponent] = this.#read(handle, [CKA.modulus, CKA.publicExponent]);
      return { kind: 'rsa', modulus: modulus ?? Buffer.alloc(0), exponent: exponent ?? Buffer.alloc(0) };
    }
    const [parameters, point] = this.#read(handle, [CKA.ecParams, CKA.ecPoint]);
    if (!parameters || !point) throw new Error('the public key lacks attributes');
    // PKCS #11 v2.40 §2.3.3: the point is wrapped in an OCTET STRING, whose length takes one octet for all curves used here. Some modules leave the
    // OCTET STRING out.
    const inner = point[0] === 4 && point[1] === point.length - 2 ? point.subarray(2) : point;
    const kind = keyType === CKK.edwards ? 'edwards' : 'ec';
    return { kind, parameters: parameters.toString('hex'), point: inner };
  }

  #read(handle: Buffer, types: readonly number[]): (Buffer | undefined)[] {
    const template = types.map((type) => ({ type }));
    return this.#cryptoki.C_GetAttributeValue(this.#session, handle, template).map(({ value }) => value);
  }

  #find(template: readonly Attribute[]): Buffer[] {
    this.#cryptoki.C_FindObjectsInit(this.#session, template);
    try {
      return this.#cryptoki.C_FindObjects(this.#session, MOST_KEYS);
    } finally {
      this.#cryptoki.C_FindObjectsFinal(this.#session);
    }
  }
}

let session: Session | undefined;
let isOver = false;

function openSession(data: Pkcs11WorkerData): Session {
  try {
    session = new Session(data);
    session.logIn(data.pin);
    return session;
  } finally {
    data.pin.fill(0);
  }
}

function answer(call: Pkcs11Call): Pkcs11Answers[Pkcs11Call['name']] {
  const open = session ?? openSession(workerData as Pkcs11WorkerData);
  switch (call.name) {
    case 'keys':
      return open.keys(call.label);
    case 'create':
      return open.create(call.label, call.type);
    case 'sign':
      return open.sign(call);
  }
}

/** Closes the session, which may be the one that failed: tokens allow few sessions. */
function end(): void {
  isOver = true;
  try {
    session?.close();
  } catch {
    // The session is closed already.
  }
}

parentPort?.on('message', ({ id, call }: Pkcs11Request) => {
  // After a failure this thread ends, and the next call starts a new thread with the PIN. Here the PIN is already wiped; logging in with the wiped
  // octets would count as another wrong PIN.
  if (isOver) return;
  let response: Pkcs11Response;
  try {
    const value = attempt('call', () => answer(call));
    response = { id, value };
  } catch (error) {
    const failure = error instanceof Failed ? error.failure : { step: 'call' as const, code: undefined, reason: '?' };
    response = { id, failure };
    end();
  }
  parentPort?.postMessage(response);
});
