import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { existsSync, realpathSync } from 'node:fs';
import { resolve } from 'node:path';
import { readSecretFile, requestFor } from '../pki/index.js';
import { clientOptions } from '../tls/index.js';
import {
  attributeValues,
  generalNameToString,
  nameToString,
  Oid,
  subjectPublicKeyInfoOf,
  type Certificate,
} from '../x509/index.js';
import { CommandError, messageOf } from './command-error.js';
import { ExitCode } from './exit-code.js';
import { certificatesIn, readInputFile } from './files.js';
import { describePairs } from './output.js';
import { NewPair, type OldPair } from './new-pair.js';
import { askForRenewal } from './renewal-request.js';
import { checkRenewed } from './renewed-chain.js';
import { configurationOf, type Session } from './session.js';

/** The flags of `veritas renew`. */
export interface RenewOptions {
  readonly cert: string;
  readonly key: string;
  readonly url: URL;
  readonly ca?: string;
  readonly newKey?: string;
  readonly force?: boolean;
  /** Seconds. */
  readonly before?: number;
}

/** What is there before anything is asked for. */
interface Current extends OldPair {
  readonly certificate: Certificate;
  readonly service: string;
}

/** `veritas renew`: the same names for a new key, from the service that issued the certificate. Key and certificate change only when both are there and checked. */
export async function renew(session: Session, options: RenewOptions): Promise<void> {
  const current = await readCurrent(session, options);
  try {
    if (isDue(current.certificate, session.now(), options)) await replace(session, current, options);
    else reportEarly(session, current.certificate);
  } finally {
    current.keyPem.fill(0);
  }
}

/** A third of the lifetime is left, or less than `--before`. */
function isDue({ notBefore, notAfter }: Certificate, now: Date, { force = false, before }: RenewOptions): boolean {
  const left = notAfter.getTime() - now.getTime();
  return force || left <= (before === undefined ? (notAfter.getTime() - notBefore.getTime()) / 3 : before * 1000);
}

function reportEarly({ output }: Session, { notAfter, serialNumber }: Certificate): void {
  const until = notAfter.toISOString();
  output.result(
    { renewed: false, serial_number: serialNumber, not_after: until },
    `Nothing to renew yet: ${serialNumber} is valid until ${until}; --force renews it now`,
  );
}

async function readCurrent(session: Session, { cert, key }: RenewOptions): Promise<Current> {
  const [certificateFile, keyFile] = [realPath(cert), realPath(key)];
  if (resolve(certificateFile) === resolve(keyFile))
    throw new CommandError('--cert and --key name the same file', ExitCode.usage, 'give each a file of its own');
  const certificatePem = await readInputFile(certificateFile, session);
  const [certificate] = certificatesOf(certificatePem, cert, '--cert');
  const [service, ...more] = certificate ? attributeValues(certificate.subject, Oid.commonName) : [];
  if (!certificate || service === undefined || more.length > 0)
    throw new CommandError(
      `${cert} holds no certificate of a service`,
      ExitCode.unusable,
      'name the certificate that is to be renewed with --cert',
    );
  const keyPem = readSecretFile(keyFile);
  const publicKey = subjectPublicKeyInfoOf(privateKeyOf(keyPem, key));
  if (Buffer.compare(publicKey.der, certificate.publicKey.der) !== 0)
    throw new CommandError(
      `${key} is not the key of ${cert}`,
      ExitCode.unusable,
      `name the two that belong together; after a renewal that was cut short, rename ${key}.old to ${key}`,
    );
  return { certificate, service, certificateFile, certificatePem, keyFile, keyPem };
}

async function replace(session: Session, current: Current, options: RenewOptions): Promise<void> {
  const { tls } = configurationOf(session);
  const { ca = tls.caFile, url } = options;
  const caPem = await readInputFile(ca, session);
  const anchors = certificatesOf(caPem, ca, '--ca');
  const { privateKey: newKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  // Before anybody is asked: what cannot be stored need not be issued.
  const pair = new NewPair(current, newKey, options.newKey);
  try {
    session.output.progress(`Asking ${url.origin} to renew ${current.certificate.serialNumber}.`);
    const material = {
      certificatePem: current.certificatePem.toString('utf8'),
      keyPem: current.keyPem,
      passphrase: undefined,
      caPem: caPem.toString('utf8'),
    };
    const octets = await askForRenewal({
      url,
      tls: clientOptions(tls, material),
      request: requestFor(newKey, current.service).der,
    });
    const chain = checkRenewed(octets, { old: current.certificate, newKey, anchors, now: session.now() });
    pair.place(chain);
    report(session, chain, current.certificate, options);
  } finally {
    pair.discard();
  }
}

function report(
  { output }: Session,
  [leaf]: readonly Certificate[],
  old: Certificate,
  { cert, key, newKey }: RenewOptions,
): void {
  if (!leaf) return;
  const json = {
    renewed: true,
    serial_number: leaf.serialNumber,
    previous_serial_number: old.serialNumber,
    subject: nameToString(leaf.subject),
    names: (leaf.extensions.subjectAltName ?? []).map(generalNameToString),
    not_before: leaf.notBefore.toISOString(),
    not_after: leaf.notAfter.toISOString(),
    certificate_file: cert,
    key_file: newKey ?? key,
    previous_key_file: newKey === undefined ? `${key}.old` : key,
  };
  output.result(
    json,
    describePairs([
      ['Serial number', json.serial_number],
      ['Subject', json.subject],
      ...(json.names.length === 0 ? [] : [['Names', json.names.join(', ')] as const]),
      ['Valid until', json.not_after],
      ['Certificate', json.certificate_file],
      ['Private key', json.key_file],
      ['Old key', json.previous_key_file],
    ]),
  );
}

/** What a link leads to: the link itself stays. A file that is not there is said so by whoever reads it. */
const realPath = (path: string): string => (existsSync(path) ? realpathSync(path) : path);

function certificatesOf(octets: Uint8Array, path: string, flag: string): Certificate[] {
  try {
    return certificatesIn(octets);
  } catch (error) {
    throw new CommandError(
      `${path} cannot be used (${messageOf(error)})`,
      ExitCode.unusable,
      `name a PEM file of certificates with ${flag}`,
    );
  }
}

function privateKeyOf(pem: Buffer, path: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch {
    throw new CommandError(
      `${path} is not an unencrypted private key`,
      ExitCode.unusable,
      'name the key of the certificate, as PEM',
    );
  }
}
