import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AnsweringThread } from '../../threads/index.js';
import { PkiError } from '../pki-error.js';
import type {
  Pkcs11Answers,
  Pkcs11Call,
  Pkcs11Failure,
  Pkcs11Request,
  Pkcs11Response,
  Pkcs11Settings,
  Pkcs11WorkerData,
} from './pkcs11-protocol.js';
import { readPassphrase } from './secret-file.js';

// CKR_PIN_INCORRECT, CKR_PIN_INVALID, CKR_PIN_LEN_RANGE, CKR_PIN_EXPIRED, CKR_PIN_LOCKED.
const PIN_REFUSED = new Set([0xa0, 0xa1, 0xa2, 0xa3, 0xa4]);

/**
 * A PKCS#11 token, found by its label. A worker thread of its own talks to it, logs in at the first call and keeps the session, so a slow token
 * delays only those who wait for a signature. After any failure the next call starts a new thread and session. This process never retries a PIN that
 * the token refused, because tokens lock themselves after a few wrong PINs.
 */
export class Pkcs11Token {
  readonly #settings: Pkcs11Settings;
  #thread: AnsweringThread<Pkcs11Request, Pkcs11Response> | undefined;
  #refused: PkiError | undefined;

  constructor(settings: Pkcs11Settings) {
    this.#settings = settings;
  }

  /** The token's name in error messages. */
  get name(): string {
    return `token ${JSON.stringify(this.#settings.token)}`;
  }

  /**
   * Sends a call to the token and waits for the answer. Throws PkiError `pkcs11_missing` when pkcs11js cannot be loaded, `token_unavailable`, and
   * `key_unreadable` or `key_file_exposed` about the PIN file.
   */
  async call<Call extends Pkcs11Call>(call: Call): Promise<Pkcs11Answers[Call['name']]> {
    if (this.#refused) throw this.#refused;
    if (this.#thread === undefined || this.#thread.ended) this.#thread = this.#start();
    const thread = this.#thread;
    const response = await thread.ask({ call });
    if (!('failure' in response)) return response.value as Pkcs11Answers[Call['name']];
    const error = this.#errorOf(response.failure);
    if (response.failure.step === 'login' && PIN_REFUSED.has(response.failure.code ?? 0)) this.#refused = error;
    // After any failure the next call logs in again.
    thread.end(error);
    throw error;
  }

  #start(): AnsweringThread<Pkcs11Request, Pkcs11Response> {
    const { module, token, pinFile, packageDirectory } = this.#settings;
    const packagesFrom = [fileURLToPath(import.meta.url)];
    if (packageDirectory !== undefined) packagesFrom.push(join(resolve(packageDirectory), 'package.json'));
    const pin = readPassphrase(pinFile);
    const workerData: Pkcs11WorkerData = { module, token, pin, packagesFrom };
    // The worker has the same file extension as this file: .ts, or .js when compiled.
    const file = new URL(import.meta.url.replace(/pkcs11-token(?=\.[jt]s$)/, 'pkcs11-worker'));
    try {
      return new AnsweringThread(
        file,
        { workerData },
        {
          unstarted: (reason) => this.#unavailable(`cannot be used: its thread cannot be started (${reason})`),
          ended: (what) => this.#unavailable(what === 'ended' ? 'ended its session' : what),
        },
      );
    } finally {
      // The thread has its own copy of the PIN and wipes it after logging in.
      pin.fill(0);
    }
  }

  #errorOf({ step, code, reason }: Pkcs11Failure): PkiError {
    const { module, pinFile } = this.#settings;
    switch (step) {
      case 'package':
        return new PkiError(
          'pkcs11_missing',
          `pki.pkcs11 is set, and the package pkcs11js ${reason === 'not found' ? 'is not installed' : `cannot be loaded (${firstLine(reason)})`}`,
        );
      case 'module':
        return new PkiError(
          'token_unavailable',
          `the PKCS#11 module ${module} cannot be loaded (${firstLine(reason)})`,
        );
      case 'token':
        return new PkiError('token_unavailable', `the ${this.name} cannot be used in ${module} (${reason})`);
      case 'login':
        return PIN_REFUSED.has(code ?? 0)
          ? new PkiError('token_unavailable', `the ${this.name} refuses the PIN in ${pinFile} (${reason})`)
          : this.#unavailable(`refuses the login (${reason})`);
      case 'call':
        return this.#unavailable(`failed (${reason})`);
    }
  }

  #unavailable(what: string): PkiError {
    return new PkiError('token_unavailable', `the ${this.name} ${what}`);
  }
}

const firstLine = (text: string): string => text.split('\n', 1)[0] ?? '';

const tokens = new Map<string, Pkcs11Token>();

/**
 * The token for these settings. There is one instance per process, because PKCS#11 logins apply to the whole process and real tokens allow few
 * sessions.
 */
export function tokenOf(settings: Pkcs11Settings): Pkcs11Token {
  const key = JSON.stringify([settings.module, settings.token, settings.pinFile, settings.packageDirectory]);
  const known = tokens.get(key);
  if (known) return known;
  const token = new Pkcs11Token(settings);
  tokens.set(key, token);
  return token;
}
