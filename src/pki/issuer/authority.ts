import type { CrossCertificateRow, IssuerRole, IssuerRow, IssuerState } from '../../store/index.js';
import { decodeCertificate, encodePem, isSignedBy, type Certificate } from '../../x509/index.js';
import type { PkiSettings } from '../pki-settings.js';
import { AbsentSigner } from './absent-signer.js';
import { identityOf } from './issuer-identity.js';
import { Issuer } from './issuer.js';
import { openSigner } from './open-signer.js';
import type { KeyRecord } from './recorded-signer.js';

/** One CA of this service: its certificate, and the issuer that signs in its name. */
export interface Authority {
  /** The CA's name in URLs, files and commands: `root`, `issuing`, `issuing-2`. */
  readonly id: string;
  readonly role: IssuerRole;
  readonly state: IssuerState;
  /** Whether this service has the private key. The key of a root may be kept elsewhere. */
  readonly keyHere: boolean;
  readonly certificate: Certificate;
  readonly certificatePem: string;
  readonly issuer: Issuer;
  /** The id of the CA that issued its certificate. For a root this is its own id. */
  readonly parent: string;
  /** For a root: the certificates that other roots issued for it and that are valid now. Empty for an issuing CA. */
  readonly crossCertificates: readonly Certificate[];
  /**
   * The certificates that are sent together with a certificate that this CA issued: the CA's own, then the cross-certificates of its root, for peers that trust
   * only another root.
   */
  readonly sentChain: readonly Certificate[];
}

/** The settings that say where the private keys are, and the record of their use in the audit log. */
export interface AuthorityKeys {
  readonly settings: PkiSettings;
  readonly record: KeyRecord;
}

/** The rows of all CAs and cross-certificates, read at the same time. */
export interface AuthorityRows {
  readonly issuers: readonly IssuerRow[];
  readonly crossCertificates: readonly CrossCertificateRow[];
  readonly now: Date;
}

/**
 * Builds a CA from its row and the rows of the other CAs. The permissions of its key file are checked now; the key itself is opened at the first signature.
 * `known` is the same CA as it was built before: when its certificate is unchanged, its issuer is reused, and with it a key that is already open. Throws
 * PkiError `key_file_exposed`.
 */
export function authorityFromRow(
  row: IssuerRow,
  rows: AuthorityRows,
  { settings, record }: AuthorityKeys,
  known?: Authority,
): Authority {
  const { id, role, state, parent, der } = row;
  const keyHere = row.key_place === 'here';
  const certificate =
    known && Buffer.compare(known.certificate.der, der) === 0 ? known.certificate : decodeCertificate(der);
  const above = issuersAbove(row, rows.issuers);
  const root = above.at(-1);
  const crossCertificates = role === 'root' ? goodCrossCertificates(id, rows) : [];
  return {
    id,
    role,
    state,
    keyHere,
    certificate,
    certificatePem: encodePem('CERTIFICATE', der),
    issuer:
      known?.certificate === certificate && known.keyHere === keyHere
        ? known.issuer
        : new Issuer(
            identityOf(
              id,
              certificate,
              above.map((each) => decodeCertificate(each.der)),
            ),
            keyHere
              ? openSigner(settings, id, certificate.publicKey, record)
              : new AbsentSigner(id, certificate.publicKey),
          ),
    parent,
    crossCertificates,
    sentChain: role === 'root' ? [certificate] : [certificate, ...(root ? goodCrossCertificates(root.id, rows) : [])],
  };
}

/** The CA among these that signed a certificate. */
export const signerOf = (signed: Certificate, authorities: readonly Authority[]): Authority | undefined =>
  authorities.find(({ certificate }) => isSignedBy(signed, certificate.publicKey));

/** Whether a CA with this state belongs to the trust bundle. */
export const isTrusted = ({ state }: Pick<Authority, 'state'>): boolean => state !== 'prepared' && state !== 'removed';

/** The cross-certificates of a root that are neither revoked nor expired. Those from or for a root that is not published yet (`prepared`) are left out. */
function goodCrossCertificates(root: string, { issuers, crossCertificates, now }: AuthorityRows): Certificate[] {
  const isPrepared = (id: string): boolean => issuers.some((each) => each.id === id && each.state === 'prepared');
  return crossCertificates
    .filter(({ issuer, signer, status, not_after: notAfter }) => {
      if (issuer !== root || status === 'revoked' || notAfter < now.getTime()) return false;
      return !isPrepared(signer) && !isPrepared(issuer);
    })
    .map(({ der }) => decodeCertificate(der));
}

/** The CAs above this one, the root last. The row of a root is its own parent. */
function issuersAbove(row: IssuerRow, rows: readonly IssuerRow[]): IssuerRow[] {
  const above: IssuerRow[] = [];
  let { id, parent } = row;
  // Bounded by the number of rows, in case damaged rows form a circle.
  while (parent !== id && above.length < rows.length) {
    const next = rows.find((each) => each.id === parent);
    if (!next) break;
    above.push(next);
    ({ id, parent } = next);
  }
  return above;
}
