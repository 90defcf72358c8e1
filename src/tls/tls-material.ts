import { createHash, createPrivateKey, createPublicKey, hkdfSync, type KeyObject } from 'node:crypto';
import type { Stats } from 'node:fs';
import { open, realpath, type FileHandle } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import { decodeCertificates, DecodeError, nameToString, type Certificate } from '../x509/index.js';
import { TlsSetupError } from './tls-error.js';

/** The files of one side's TLS material. */
export interface TlsFiles {
  readonly certificateFile: string;
  readonly keyFile: string;
  readonly keyPassphrase?: string | undefined;
  readonly caFile?: string | undefined;
  /** CA certificates between those of `caFile` and peers that send only their own certificate. */
  readonly intermediatesFile?: string | undefined;
  /** A secret that the nodes of one service share, so that each resumes the sessions of the others. */
  readonly ticketKeysFile?: string | undefined;
}

/**
 * A key, its certificate chain, and the CAs to trust. They have been checked: key and certificate belong together, and the certificate is valid now.
 */
export interface TlsMaterial {
  readonly certificatePem: string;
  readonly keyPem: string;
  readonly passphrase: string | undefined;
  readonly caPem: string | undefined;
  /** The contents of `intermediatesFile`. */
  readonly intermediates?: Buffer | undefined;
  readonly certificate: Certificate;
  /** 48 octets for `setTicketKeys`, the same on every node with the same secret and the same CAs; undefined: each server makes its own. */
  readonly ticketKeys?: Buffer | undefined;
}

/** Where a renewal keeps the previous key. */
export const previousKeyFile = (keyFile: string): string => `${keyFile}.old`;

const MADE_BY_SETUP: ReadonlySet<string> = new Set(['tls.certificateFile', 'tls.keyFile', 'tls.caFile']);
const MIN_SECRET_OCTETS = 32;
const MAX_FILE_OCTETS = 4 * 1024 * 1024;

/**
 * Reads and checks the files. Throws a {@link TlsSetupError} that names the file when it cannot be read, when others can read the key, when the key
 * does not belong to the certificate, when the certificate is not valid at `now` or OpenSSL does not take it, or when the secret of the ticket keys is too
 * short. Between the two renames of a renewal, or after a renewal that was interrupted there, the certificate's key is still in `<keyFile>.old`, and is taken from there.
 */
export async function readTlsMaterial(files: TlsFiles, now: Date): Promise<TlsMaterial> {
  const certificatePem = await readText(files.certificateFile, 'tls.certificateFile');
  const caPem = files.caFile === undefined ? undefined : await readText(files.caFile, 'tls.caFile');
  if (caPem !== undefined) readLeaf(caPem, files.caFile ?? '', 'tls.caFile');
  const certificate = readLeaf(certificatePem, files.certificateFile, 'tls.certificateFile');
  const keyPem = await readKeyOf(certificate, files);
  checkDates(certificate, files.certificateFile, now);
  checkTaken(certificatePem, files.certificateFile);
  const { intermediatesFile, ticketKeysFile, keyPassphrase: passphrase } = files;
  const intermediates =
    intermediatesFile === undefined ? undefined : await readOctets(intermediatesFile, 'mtls.intermediatesFile');
  const trust = [caPem ?? '', intermediates ?? ''];
  const ticketKeys = ticketKeysFile === undefined ? undefined : await readTicketKeys(ticketKeysFile, trust);
  return { certificatePem, keyPem, passphrase, caPem, intermediates, certificate, ticketKeys };
}

/**
 * Derives the ticket keys from the secret and the CAs (HKDF, RFC 5869). So a change of trust changes them on every node, and no earlier session is
 * resumed anywhere.
 */
async function readTicketKeys(path: string, trust: readonly (string | Buffer)[]): Promise<Buffer> {
  const secret = await readOctets(path, 'tls.ticketKeysFile', checkPrivate);
  if (secret.length < MIN_SECRET_OCTETS)
    throw new TlsSetupError(
      `tls.ticketKeysFile: ${path} has ${secret.length} octets: at least ${MIN_SECRET_OCTETS} random ones belong in it (\`openssl rand -out ${path} 48\`).`,
    );
  const salt = createHash('sha256');
  for (const each of trust) salt.update(each);
  return Buffer.from(hkdfSync('sha256', secret, salt.digest(), 'veritas session ticket keys', 48));
}

const readText = async (...from: Parameters<typeof readOctets>): Promise<string> =>
  (await readOctets(...from)).toString('utf8');

async function readOctets(
  path: string,
  setting: string,
  check?: (stats: Stats) => string | undefined,
): Promise<Buffer> {
  let file: FileHandle;
  try {
    file = await open(path, 'r');
  } catch (error) {
    const { code = 'unknown' } = error as NodeJS.ErrnoException;
    const absent = MADE_BY_SETUP.has(setting) ? 'make it with `veritas setup`, or name another' : 'name another';
    const mend = code === 'ENOENT' ? absent : 'look at its name and its permissions';
    throw new TlsSetupError(`${setting}: ${path} cannot be opened (${code}): ${mend}.`);
  }
  try {
    const stats = await file.stat();
    const problem = stats.isDirectory() ? 'is a folder: name a file.' : check?.(stats);
    if (problem !== undefined) throw new TlsSetupError(`${setting}: ${path} ${problem}`);
    if (stats.size > MAX_FILE_OCTETS)
      throw new TlsSetupError(`${setting}: ${path} has ${stats.size} octets, more than PEM material may have.`);
    return await file.readFile();
  } finally {
    await file.close();
  }
}

const checkPrivate = ({ mode }: Stats): string | undefined =>
  (mode & 0o077) === 0 ? undefined : 'can be read by others than its owner: `chmod 600` it.';

function readLeaf(pem: string, path: string, setting: string): Certificate {
  try {
    return decodeCertificates(pem)[0];
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw new TlsSetupError(`${setting}: ${path} does not hold certificates in PEM: ${error.message}.`);
  }
}

async function readKeyOf(certificate: Certificate, files: TlsFiles): Promise<string> {
  const keyPem = await readText(files.keyFile, 'tls.keyFile', checkPrivate);
  if (belongs(certificate, readKey(keyPem, files))) return keyPem;
  try {
    // A renewal leaves links alone, and keeps the key where the file lies.
    const before = { ...files, keyFile: previousKeyFile(await realpath(files.keyFile)) };
    const previousPem = await readText(before.keyFile, 'tls.keyFile', checkPrivate);
    if (belongs(certificate, readKey(previousPem, before))) return previousPem;
  } catch (error) {
    // The error about the configured file, below, says more.
    if (!(error instanceof TlsSetupError)) throw error;
  }
  throw new TlsSetupError(
    `tls.keyFile: ${files.keyFile} is not the key of the certificate in ${files.certificateFile}: set both to a pair that belongs together.`,
  );
}

function readKey(pem: string, { keyFile, keyPassphrase }: TlsFiles): KeyObject {
  try {
    return createPublicKey(
      createPrivateKey({ key: pem, ...(keyPassphrase === undefined ? {} : { passphrase: keyPassphrase }) }),
    );
  } catch {
    throw new TlsSetupError(
      `tls.keyFile: ${keyFile} holds no private key in PEM that can be read, or tls.keyPassphrase is not its passphrase.`,
    );
  }
}

function belongs(certificate: Certificate, publicKey: KeyObject): boolean {
  return Buffer.compare(publicKey.export({ type: 'spki', format: 'der' }), certificate.publicKey.der) === 0;
}

function checkDates({ subject, notBefore, notAfter }: Certificate, path: string, now: Date): void {
  if (now > notAfter)
    throw new TlsSetupError(
      `tls.certificateFile: the certificate of ${nameToString(subject)} in ${path} expired at ${notAfter.toISOString()}: renew it (\`veritas issue\`).`,
    );
  if (now < notBefore)
    throw new TlsSetupError(
      `tls.certificateFile: the certificate of ${nameToString(subject)} in ${path} is not valid before ${notBefore.toISOString()}: check the clock of this machine.`,
    );
}

/** OpenSSL asks of a certificate, and of those sent with it, keys and signatures of a strength of its own. */
function checkTaken(cert: string, path: string): void {
  try {
    createSecureContext({ cert });
  } catch (error) {
    const { reason = 'unknown reason' } = error as { readonly reason?: string };
    throw new TlsSetupError(
      `tls.certificateFile: OpenSSL does not take the certificate in ${path} (${reason}): renew it with another key, or have it signed anew.`,
    );
  }
}
