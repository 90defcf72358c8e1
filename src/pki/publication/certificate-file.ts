import { readFileSync } from 'node:fs';
import { DecodeError } from '../../der/index.js';
import { decodeCertificates, type Certificate } from '../../x509/index.js';
import { PkiError } from '../pki-error.js';

/** The first certificate of a file of ours. Throws PkiError `certificate_unreadable`, naming the file. */
export function readCertificateFile(path: string): Certificate {
  try {
    return decodeCertificates(readFileSync(path))[0];
  } catch (error) {
    const isSystem = typeof error === 'object' && error !== null && 'code' in error && 'syscall' in error;
    if (!isSystem && !(error instanceof DecodeError)) throw error;
    const reason = isSystem ? String(error.code) : error instanceof Error ? error.message : '';
    throw new PkiError('certificate_unreadable', `${path} holds no certificate that can be read (${reason})`, {
      cause: error,
    });
  }
}
