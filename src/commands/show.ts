import { certificateRecord, PkiError } from '../pki/index.js';
import { findCertificate } from '../store/index.js';
import { decodeCertificate, decodeCertificates } from '../x509/index.js';
import { certificateToJson, certificateToPairs } from './certificate-description.js';
import { CommandError, messageOf } from './command-error.js';
import { ExitCode } from './exit-code.js';
import { fileName, readInputFile, serialNumberOf, statsOf } from './files.js';
import { describePairs } from './output.js';
import { withStore, type Session } from './session.js';

/** `veritas show`: a certificate of the store by its serial number, or every certificate of a file. */
export async function show(session: Session, target: string): Promise<void> {
  if (target === '-' || statsOf(target)) return showFile(session, target);
  const serial = serialNumberOf(target);
  await withStore(session, async (store) => {
    const row = await findCertificate(store.database, serial);
    if (!row) throw new PkiError('serial_unknown', `no certificate has the serial number ${JSON.stringify(serial)}`);
    const certificate = decodeCertificate(row.der);
    const record = certificateRecord(row, session.now());
    const { revoked_at: revokedAt, revocation_reason: reason, invalidity_date: invalidSince } = record;
    const revocation: [string, string][] = [];
    if (revokedAt !== null) revocation.push(['Revoked', `${revokedAt} (${reason ?? ''})`]);
    if (invalidSince !== null) revocation.push(['Invalid since', invalidSince]);
    const json = certificateToJson(certificate);
    session.output.result(
      { ...json, record },
      `${describePairs([...certificateToPairs(certificate), ['Status', record.status], ...revocation, ['Issued to', record.requester]])}\n${json.pem}`,
    );
  });
}

async function showFile(session: Session, path: string): Promise<void> {
  const octets = await readInputFile(path, session);
  try {
    const certificates = decodeCertificates(octets);
    session.output.result(
      certificates.map(certificateToJson),
      certificates.map((certificate) => describePairs(certificateToPairs(certificate))).join('\n\n'),
    );
  } catch (error) {
    throw new CommandError(
      `${fileName(path)} is not a certificate (${messageOf(error)})`,
      ExitCode.refused,
      'name a PEM or DER file of certificates',
    );
  }
}
