import { join } from 'node:path';
import type { IssuerRole, IssuerRow } from '../../store/index.js';
import { decodeCertificate, encodePem, type Certificate } from '../../x509/index.js';
import type { PkiSettings } from '../pki-settings.js';
import { FileSigner, type KeyFile } from './file-signer.js';
import { identityOf } from './issuer-identity.js';
import { Issuer } from './issuer.js';
import { checkSecretFile } from './secret-file.js';

/** One CA of ours: its certificate, and the issuer that signs for it. */
export interface Authority {
  /** `root`, `issuing`. */
  readonly id: string;
  readonly role: IssuerRole;
  readonly certificate: Certificate;
  readonly certificatePem: string;
  readonly issuer: Issuer;
  /** The id of the authority above; its own for a root. */
  readonly parent: string;
}

/** Where the key of an authority is kept. */
export const keyFileOf = ({ directory, passphraseFile }: PkiSettings, id: string): KeyFile => ({
  path: join(directory, `${id}_ca.key.pem`),
  passphraseFile,
});

/**
 * An authority from its row, among the rows of all. Its key file is looked at, for its permissions, and opened at the first signature.
 * Throws PkiError `key_file_exposed`.
 */
export function authorityFromRow(row: IssuerRow, rows: readonly IssuerRow[], settings: PkiSettings): Authority {
  const { id, role, parent, der } = row;
  const certificate = decodeCertificate(der);
  const file = keyFileOf(settings, id);
  checkSecretFile(file.path);
  checkSecretFile(file.passphraseFile);
  const issuer = new Issuer(
    identityOf(id, certificate, certificatesAbove(row, rows)),
    new FileSigner(file, certificate.publicKey),
  );
  return { id, role, certificate, certificatePem: encodePem('CERTIFICATE', der), issuer, parent };
}

/** The certificates of the CAs above, root last. A row that is its own parent is a root's. */
function certificatesAbove(row: IssuerRow, rows: readonly IssuerRow[]): Certificate[] {
  const above: Certificate[] = [];
  let { id, parent } = row;
  // No longer than there are rows, should they form a circle.
  while (parent !== id && above.length < rows.length) {
    const next = rows.find((each) => each.id === parent);
    if (!next) break;
    above.push(decodeCertificate(next.der));
    ({ id, parent } = next);
  }
  return above;
}
