import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { decodeCertificates, DecodeError, encodePem, type Certificate } from '../../x509/index.js';
import { makeFolders } from '../../files/index.js';
import { previousKeyFile } from '../tls-material.js';
import { lockPair } from './pair-lock.js';
import { reasonOf, RenewalError } from './renewal-error.js';
import { TemporaryFile } from './temporary-file.js';

/** The files of a certificate and its key. */
export interface PairPaths {
  readonly certificateFile: string;
  readonly keyFile: string;
  /** The passphrase of an encrypted key; the next key is encrypted with it too. */
  readonly keyPassphrase?: string | undefined;
  /** Where the next key goes instead. Then nothing is overwritten, and the previous key stays. */
  readonly newKeyFile?: string | undefined;
}

/**
 * A certificate and its key in their files: read once, and replaceable by another pair. Between the two renames of a replacement, and after one that
 * was interrupted there, the key is read from `<keyFile>.old`. Throws {@link RenewalError}.
 */
export class PairFiles {
  readonly certificate: Certificate;
  /** The contents of the certificate's file: the certificate and its CAs. */
  readonly certificatePem: string;
  /** The key of the certificate, encrypted or not, as in its file. */
  readonly keyPem: Buffer;
  readonly #paths: PairPaths;
  /** The contents of the two files as they were read. */
  readonly #found: readonly [certificate: Buffer, key: Buffer];

  constructor(paths: PairPaths) {
    this.#paths = { ...paths, certificateFile: realPath(paths.certificateFile), keyFile: realPath(paths.keyFile) };
    this.#found = [readFile(this.#paths.certificateFile), readKeyFile(this.#paths.keyFile)];
    const [certificate, key] = this.#found;
    this.certificatePem = certificate.toString('utf8');
    this.certificate = leafIn(certificate, paths.certificateFile);
    if (certificate.includes('PRIVATE KEY-----'))
      throw new RenewalError(
        'refused',
        `${paths.certificateFile} holds a private key too, which is never overwritten`,
        {
          mend: 'give certificate and key a file each',
        },
      );
    this.keyPem = this.#keyOf(key);
  }

  get keyPassphrase(): string | undefined {
    return this.#paths.keyPassphrase;
  }

  /** Overwrites the key in memory; after that nothing can be placed. */
  wipe(): void {
    for (const octets of [this.keyPem, this.#found[1]]) octets.fill(0);
  }

  /**
   * Throws when the folders cannot be written to, or another process is replacing the files: a certificate that cannot be stored need not be issued.
   */
  checkWritable(): void {
    const { certificateFile, keyFile, newKeyFile } = this.#paths;
    if (newKeyFile !== undefined) {
      if (existsSync(newKeyFile))
        throw neverOverwritten(newKeyFile, this.#wasLeft(newKeyFile) ? certificateFile : undefined);
      makeFolder(dirname(newKeyFile));
    }
    // All files at once, as they will be placed. Otherwise each attempt on a disk that is nearly full would have another certificate issued.
    const keys = newKeyFile === undefined ? [keyFile, previousKeyFile(keyFile)] : [newKeyFile];
    const paths = [certificateFile, ...keys];
    const files: TemporaryFile[] = [];
    let unlock: (() => void) | undefined;
    try {
      for (const path of paths) files.push(new TemporaryFile(path, this.#found[0], 0o600));
      unlock = lockPair(certificateFile);
    } finally {
      for (const file of files) file.discard();
      unlock?.();
    }
  }

  /**
   * Keeps the key as `<keyFile>.old`, and renames the new files over the old ones, the key first, so that at each moment the certificate belongs to
   * one of the two keys. When the second rename fails, the previous key is put back. Refuses when the files have changed since they were read,
   * or are being replaced by another process.
   */
  place(key: KeyObject, chain: readonly Certificate[]): void {
    const { certificateFile, keyFile, keyPassphrase, newKeyFile } = this.#paths;
    const encryption = keyPassphrase === undefined ? {} : { cipher: 'aes-256-cbc', passphrase: keyPassphrase };
    const keyPem = key.export({ format: 'pem', type: 'pkcs8', ...encryption }).toString();
    const certificatePem = chain.map(({ der }) => encodePem('CERTIFICATE', der)).join('');
    const newKey = new TemporaryFile(newKeyFile ?? keyFile, keyPem, 0o600);
    let newCertificate: TemporaryFile | undefined;
    let unlock: (() => void) | undefined;
    try {
      newCertificate = new TemporaryFile(certificateFile, certificatePem, statSync(certificateFile).mode & 0o777);
      unlock = lockPair(certificateFile);
      this.#checkUnchanged();
      if (newKeyFile !== undefined) {
        if (!newKey.placeAnew()) throw neverOverwritten(newKeyFile);
        newCertificate.place();
        return;
      }
      new TemporaryFile(previousKeyFile(keyFile), this.keyPem, 0o600, keyFile).place();
      newKey.place();
      try {
        newCertificate.place();
      } catch (error) {
        // Not when only the flush of its folder has failed: the certificate is in its place then.
        if (this.#found[0].equals(readFile(certificateFile))) new TemporaryFile(keyFile, this.keyPem, 0o600).place();
        throw error;
      }
    } finally {
      newKey.discard();
      newCertificate?.discard();
      unlock?.();
    }
  }

  /** The certificate's key: from the key file, or from where an interrupted replacement left it. */
  #keyOf(found: Buffer): Buffer {
    const { certificateFile, keyFile } = this.#paths;
    if (this.#belongs(found)) return found;
    const previous = previousKeyFile(keyFile);
    const kept = existsSync(previous) ? readKeyFile(previous) : undefined;
    if (kept && this.#belongs(kept)) return kept;
    throw new RenewalError('unusable', `${keyFile} is not the key of ${certificateFile}`, {
      mend: 'name the certificate and its own key, as PEM',
    });
  }

  #belongs(pem: Buffer): boolean {
    return this.#publicKeyOf(pem)?.equals(this.certificate.publicKey.der) ?? false;
  }

  /** Undefined for what is not a private key, or not readable without its passphrase. */
  #publicKeyOf(pem: Buffer): Buffer | undefined {
    const { keyPassphrase } = this.#paths;
    const passphrase = keyPassphrase === undefined ? {} : { passphrase: keyPassphrase };
    try {
      return createPublicKey(createPrivateKey({ key: pem, ...passphrase })).export({ type: 'spki', format: 'der' });
    } catch {
      return undefined;
    }
  }

  /** Whether a renewal may have left the next key there that was killed before its certificate was in its place: no other file tells. */
  #wasLeft(newKeyFile: string): boolean {
    if (!statSync(newKeyFile).isFile()) return false;
    const pem = readFile(newKeyFile);
    try {
      return this.#publicKeyOf(pem) !== undefined && !this.#belongs(pem);
    } finally {
      pem.fill(0);
    }
  }

  /** Another renewal at the same time would combine its key with our certificate. */
  #checkUnchanged(): void {
    const { certificateFile, keyFile } = this.#paths;
    if (![certificateFile, keyFile].every((path, index) => this.#found[index]?.equals(readFile(path))))
      throw new RenewalError('refused', `${certificateFile} or its key was changed meanwhile`, {
        mend: 'nothing was replaced; let one renewal run at a time',
      });
  }
}

/** The target of a link, so that the link itself stays. A missing file is reported by whoever reads it. */
const realPath = (path: string): string => (existsSync(path) ? realpathSync(path) : path);

function makeFolder(path: string): void {
  try {
    makeFolders(path, 0o700);
  } catch (error) {
    throw new RenewalError('unusable', `${path} cannot be made (${reasonOf(error)})`, {
      mend: 'look at its name and its permissions',
    });
  }
}

function readFile(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new RenewalError('unusable', `${path} cannot be read (${reasonOf(error)})`, {
      mend: 'look at its name and its permissions',
    });
  }
}

function readKeyFile(path: string): Buffer {
  const octets = readFile(path);
  if ((statSync(path).mode & 0o077) !== 0)
    throw new RenewalError('unusable', `${path} is open to others than its owner`, { mend: `chmod 600 ${path}` });
  return octets;
}

function leafIn(octets: Buffer, path: string): Certificate {
  try {
    return decodeCertificates(octets)[0];
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw new RenewalError('unusable', `${path} holds no certificate that can be read`, {
      mend: 'name a PEM file of certificates',
    });
  }
}

/** `certificateFile`: of which the key may have been meant to be that of the next one. */
const neverOverwritten = (path: string, certificateFile?: string): RenewalError =>
  new RenewalError('refused', `${path} exists, and a private key is never overwritten`, {
    mend:
      certificateFile === undefined
        ? 'choose another name with --new-key'
        : `choose another name with --new-key, or remove it if it was left by a renewal that was killed: it is not the key of ${certificateFile}`,
  });
