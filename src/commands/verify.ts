import { createPrivateKey } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import type { Configuration } from '../configuration/index.js';
import { readSecretFile } from '../pki/index.js';
import { findCertificate, listIssuers, openStore, type CertificateRow } from '../store/index.js';
import { decodeCertificate, DecodeError, type Certificate } from '../x509/index.js';
import { CommandError, messageOf } from './command-error.js';
import { ExitCode } from './exit-code.js';
import { certificatesIn, readInputFile } from './files.js';
import { plain } from './output.js';
import { configurationOf, type Session } from './session.js';
import { runChecks, type Check, type Purpose, type VerifySubject } from './verify-checks.js';

/** The flags of `veritas verify`. */
export interface VerifyOptions {
  readonly purpose?: Purpose;
  readonly key?: string;
}

/** `veritas verify`: each thing that the guard or a client would look at, pass or fail, and what to do. Exits 1 when one fails. */
export async function verify(
  session: Session,
  file: string,
  { purpose = 'client', key }: VerifyOptions,
): Promise<void> {
  const configuration = configurationOf(session);
  const octets = await readInputFile(file, session);
  const checks = await checksOf(octets, { session, configuration, purpose, key });
  const failed = checks.filter(({ ok }) => !ok).length;
  session.output.result({ file, purpose, ok: failed === 0, checks }, checks.map(describeCheck).join('\n'));
  if (failed > 0)
    throw new CommandError(`${file} would be refused: ${failed} of ${checks.length} checks failed`, ExitCode.refused);
}

interface Inputs {
  readonly session: Session;
  readonly configuration: Configuration;
  readonly purpose: Purpose;
  readonly key: string | undefined;
}

async function checksOf(octets: Uint8Array, inputs: Inputs): Promise<Check[]> {
  let chain: Certificate[];
  try {
    chain = certificatesIn(octets);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return [
      { check: 'readable', ok: false, detail: error.message, mend: 'use the PEM file as it was issued, leaf first' },
    ];
  }
  const [leaf, ...intermediates] = chain;
  if (!leaf)
    return [{ check: 'readable', ok: false, detail: 'no certificate in it', mend: 'name a file with a certificate' }];
  const known = await knowledgeOf(inputs.configuration, leaf);
  const subject: VerifySubject = {
    leaf,
    intermediates: withoutRepetition([...intermediates, ...known.issuers]),
    sent: chain.length,
    anchors: anchorsOf(inputs.configuration),
    record: known.record,
    publicKey: inputs.key === undefined ? undefined : publicKeyOf(inputs.key),
    purpose: inputs.purpose,
    policy: inputs.configuration.mtls,
    now: inputs.session.now(),
  };
  return runChecks(subject);
}

/** What the store knows, as far as there is one: our issuers, and the row of the certificate when one of them issued it. */
async function knowledgeOf(
  { store: { path } }: Configuration,
  leaf: Certificate,
): Promise<{ issuers: Certificate[]; record: CertificateRow | undefined | 'no store' }> {
  if (!existsSync(path)) return { issuers: [], record: 'no store' };
  const store = await openStore({ path, readOnly: true });
  try {
    const rows = await listIssuers(store.database);
    const row = await findCertificate(store.database, leaf.serialNumber);
    const record = row?.fingerprint === leaf.fingerprint256 ? row : undefined;
    return { issuers: rows.filter(({ role }) => role === 'issuing').map(({ der }) => decodeCertificate(der)), record };
  } finally {
    await store.close();
  }
}

function anchorsOf({ tls: { caFile } }: Configuration): Certificate[] {
  try {
    return certificatesIn(readFileSync(caFile));
  } catch (error) {
    throw new CommandError(
      `the trust bundle ${caFile} cannot be used (${messageOf(error)})`,
      ExitCode.unusable,
      'make it with `veritas setup`, or set tls.caFile',
    );
  }
}

function publicKeyOf(path: string) {
  const pem = readSecretFile(path);
  try {
    return createPrivateKey(pem);
  } catch {
    throw new CommandError(
      `${path} is not an unencrypted private key`,
      ExitCode.unusable,
      'name the key of the certificate, as PEM',
    );
  } finally {
    pem.fill(0);
  }
}

const withoutRepetition = (certificates: readonly Certificate[]): Certificate[] => [
  ...new Map(certificates.map((certificate) => [certificate.fingerprint256, certificate])).values(),
];

function describeCheck({ check, ok, detail, mend }: Check): string {
  const line = `${ok ? 'pass' : 'FAIL'}  ${check}: ${plain(detail)}`;
  return ok || mend === undefined ? line : `${line}\n      mend: ${mend}`;
}
