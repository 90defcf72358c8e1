import type { KeyObject } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { createFile } from '../pki/index.js';
import { encodePem, type Certificate } from '../x509/index.js';
import { CommandError } from './command-error.js';
import { ExitCode } from './exit-code.js';
import { Interruption } from './interruption.js';
import { PendingFile } from './pending-file.js';

/** A certificate and its key, as they were read. */
export interface OldPair {
  readonly certificateFile: string;
  readonly certificatePem: Buffer;
  readonly keyFile: string;
  readonly keyPem: Buffer;
}

/**
 * A new key and its certificate to be, on the way to replace an old pair. Until {@link place} the old files are untouched, and {@link discard} leaves nothing
 * of the new ones. With `newKeyFile` the key is made there, and the old one stays where it is. Throws CommandError.
 */
export class NewPair {
  readonly #old: OldPair;
  readonly #newKeyFile: string | undefined;
  readonly #key: PendingFile | undefined;
  #interruption: Interruption | undefined;
  #isPlaced = false;

  constructor(old: OldPair, key: KeyObject, newKeyFile: string | undefined) {
    this.#old = old;
    this.#newKeyFile = newKeyFile;
    const pem = key.export({ format: 'pem', type: 'pkcs8' }).toString();
    if (newKeyFile === undefined) {
      this.#key = new PendingFile(old.keyFile, 0o600);
      this.#key.write(pem);
      this.#key.flush();
      return;
    }
    mkdirSync(dirname(newKeyFile), { recursive: true, mode: 0o700 });
    if (existsSync(newKeyFile) || !createFile(newKeyFile, pem, 0o600))
      throw new CommandError(
        `${newKeyFile} exists, and a private key is never overwritten`,
        ExitCode.refused,
        'choose another name with --new-key',
      );
    // In the same breath: no signal comes in between.
    this.#interruption = new Interruption(() => {
      rmSync(newKeyFile, { force: true });
    });
  }

  /**
   * Keeps the old key as `<key>.old` and renames the new files over the old ones: the key first, then the certificate, so that whoever looks in between finds
   * two that do not belong together, and not a certificate whose key is still to come. When the second rename fails, the old key is put back.
   */
  place(chain: readonly Certificate[]): void {
    const { certificateFile, keyFile, keyPem } = this.#old;
    const certificate = new PendingFile(certificateFile, statSync(certificateFile).mode & 0o777);
    try {
      certificate.write(chain.map(({ der }) => encodePem('CERTIFICATE', der)).join(''));
      certificate.flush();
      this.#checkUnchanged();
      if (this.#key) write(`${keyFile}.old`, keyPem);
      this.#key?.place();
      try {
        certificate.place();
      } catch (error) {
        if (this.#key) write(keyFile, keyPem);
        throw error;
      }
      this.#isPlaced = true;
      this.#interruption?.over();
    } finally {
      certificate.discard();
    }
  }

  /** Takes the new key away unless it was placed. */
  discard(): void {
    this.#key?.discard();
    if (!this.#isPlaced && this.#newKeyFile !== undefined) rmSync(this.#newKeyFile, { force: true });
    this.#interruption?.over();
  }

  /** Another renewal at the same time would mix its key with our certificate. */
  #checkUnchanged(): void {
    const { certificateFile, certificatePem, keyFile, keyPem } = this.#old;
    if (!readFileSync(certificateFile).equals(certificatePem) || !readFileSync(keyFile).equals(keyPem))
      throw new CommandError(
        `${certificateFile} or its key was changed meanwhile`,
        ExitCode.refused,
        'nothing was replaced; let one renewal run at a time',
      );
  }
}

function write(path: string, contents: Uint8Array): void {
  const file = new PendingFile(path, 0o600);
  try {
    file.write(contents);
    file.place();
  } finally {
    file.discard();
  }
}
