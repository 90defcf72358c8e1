import type { CrossCertificateRow, IssuerRole, IssuerRow, IssuerState } from '../../store/index.js';
import { decodeCertificate, encodePem, type Certificate } from '../../x509/index.js';
import type { PkiSettings } from '../pki-settings.js';
import { AbsentSigner } from './absent-signer.js';
import { identityOf } from './issuer-identity.js';
import { Issuer } from './issuer.js';
import { openSigner } from './open-signer.js';
import type { KeyRecord } from './recorded-signer.js';

/** One CA of ours: its certificate, and the issuer that signs for it. */
export interface Authority {
  /** `root`, `issuing`, `issuing-2`. */
  readonly id: string;
  readonly role: IssuerRole;
  readonly state: IssuerState;
  /** Whether its key is here; a root's may be elsewhere. */
  readonly keyHere: boolean;
  readonly certificate: Certificate;
  readonly certificatePem: string;
  readonly issuer: Issuer;
  /** The id of the authority above; its own for a root. */
  readonly parent: string;
  /** Cross-certificates of this root by other roots that are good now; none of an issuing CA. */
  readonly crossCertificates: readonly Certificate[];
  /** What goes with a certificate of this CA: the CA's own, then the cross-certificates of its root, for who trusts another root. */
  readonly sentChain: readonly Certificate[];
}

/** Where their keys are, and who hears of their use. */
export interface AuthorityKeys {
  readonly settings: PkiSettings;
  readonly record: KeyRecord;
}

/** What the store says about all authorities at one time. */
export interface AuthorityRows {
  readonly issuers: readonly IssuerRow[];
  readonly crossCertificates: readonly CrossCertificateRow[];
  readonly now: Date;
}

/**
 * An authority from its row, among the rows of all. Its key is looked at, for its permissions, and opened at the first signature; `known` is the
 * same authority as it was before, whose open key stays open. Throws PkiError `key_file_exposed`.
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
  const above = certificatesAbove(row, rows.issuers);
  const root = rootOf(row, rows.issuers);
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
            identityOf(id, certificate, above),
            keyHere
              ? openSigner(settings, id, certificate.publicKey, record)
              : new AbsentSigner(id, certificate.publicKey),
          ),
    parent,
    crossCertificates,
    sentChain: role === 'root' ? [certificate] : [certificate, ...(root ? goodCrossCertificates(root.id, rows) : [])],
  };
}

/** Whether an authority is in the trust bundle. */
export const isTrusted = ({ state }: Pick<Authority, 'state'>): boolean => state !== 'prepared' && state !== 'removed';

/** Those that are neither revoked nor over, nor by a root that nobody has heard of. */
function goodCrossCertificates(root: string, { issuers, crossCertificates, now }: AuthorityRows): Certificate[] {
  const isPrepared = (id: string): boolean => issuers.some((each) => each.id === id && each.state === 'prepared');
  return crossCertificates
    .filter(({ issuer, signer, status, not_after: notAfter }) => {
      if (issuer !== root || status === 'revoked' || notAfter < now.getTime()) return false;
      return !isPrepared(signer) && !isPrepared(issuer);
    })
    .map(({ der }) => decodeCertificate(der));
}

function rootOf(row: IssuerRow, rows: readonly IssuerRow[]): IssuerRow | undefined {
  let at: IssuerRow | undefined = row;
  // No longer than there are rows, should they form a circle.
  for (let i = 0; at && at.parent !== at.id && i < rows.length; i++) at = rows.find(({ id }) => id === at?.parent);
  return at;
}

/** The certificates of the CAs above, root last. A row that is its own parent is a root's. */
function certificatesAbove(row: IssuerRow, rows: readonly IssuerRow[]): Certificate[] {
  const above: Certificate[] = [];
  let { id, parent } = row;
  while (parent !== id && above.length < rows.length) {
    const next = rows.find((each) => each.id === parent);
    if (!next) break;
    above.push(decodeCertificate(next.der));
    ({ id, parent } = next);
  }
  return above;
}
