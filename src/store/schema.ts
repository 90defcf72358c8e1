import type { Transaction as KyselyTransaction, Kysely } from 'kysely';

/*
 * Times are integers: milliseconds since 1970, which sort, compare and index alike in every database. Serial numbers and digests are lower-case
 * hexadecimal text, octets are blobs.
 */

export type IssuerRole = 'root' | 'issuing';
/**
 * Where an issuer is on its way: `prepared`, key and certificate exist and are in nothing; `published`, in the trust bundle; `active`, signs new
 * certificates, one of each role; `retired`, signs revocation lists only; `removed`, out of the bundle.
 */
export type IssuerState = 'prepared' | 'published' | 'active' | 'retired' | 'removed';
export type CertificateStatus = 'active' | 'revoked';

export interface IssuerTable {
  /** `root`, `issuing`, `issuing-2`: the name in file names and URLs. */
  id: string;
  role: IssuerRole;
  /** The issuer that signed it; its own id for a root. */
  parent: string;
  der: Uint8Array;
  /** Rises from one to the next. */
  created_at: number;
  state: IssuerState;
  /** `elsewhere`: it signs nothing here, what it signed was brought in. */
  key_place: 'here' | 'elsewhere';
}

export interface CrossCertificateTable {
  /** Of the certificate, which is among the others. */
  serial: string;
  /** The root whose name and key it has. */
  issuer: string;
  /** The root that signed it. */
  signer: string;
}

export interface CertificateTable {
  serial: string;
  issuer: string;
  profile: string;
  service: string | null;
  /** RFC 4514 text, for people. */
  subject: string;
  not_before: number;
  not_after: number;
  /** SHA-256 of the SubjectPublicKeyInfo. */
  spki_sha256: string;
  /** SHA-256 of the certificate. */
  fingerprint: string;
  der: Uint8Array;
  requester: string;
  request_id: string;
  issued_at: number;
  status: CertificateStatus;
  revoked_at: number | null;
  /** A CRLReason's name (RFC 5280 §5.3.1). */
  revocation_reason: string | null;
  /** 1, 2, 3 … in the order of revocations: what a reader has not seen yet is above the highest it has. */
  revocation_sequence: number | null;
  /** When the key is believed to have been compromised (RFC 5280 §5.3.2). */
  invalidity_date: number | null;
  /** The shard of its distribution point, from 1; 0 when that is the complete list. */
  crl_shard: number;
  /** What it is on a list while it is revoked, DER (RFC 5280 §5.1.2.6). */
  crl_entry: Uint8Array | null;
  /** Seconds, as it was asked for: it has less where a CA above it ends before. Null of CAs, and of what earlier versions issued. */
  lifetime: number | null;
}

export interface ReleaseTable {
  serial: string;
  issuer: string;
  crl_shard: number;
  released_at: number;
  not_after: number;
  /** In one order with revocation_sequence. */
  sequence: number;
}

interface SerialTable {
  serial: string;
  reserved_at: number;
}

export interface IdempotencyTable {
  /** The service that called. */
  caller: string;
  key: string;
  request_sha256: string;
  serial: string;
  created_at: number;
}

export interface EnrollmentTokenTable {
  token_sha256: string;
  service: string;
  profile: string;
  /** A JSON array of names as `DNS:worker.local`. */
  names: string;
  /** Seconds; the profile's own when null. */
  lifetime: number | null;
  created_at: number;
  created_by: string;
  expires_at: number;
  spent_at: number | null;
  /** The certificate that it was traded for. */
  serial: string | null;
}

export interface CrlTable {
  issuer: string;
  number: number;
  /** `complete`, `delta`, or the number of a shard. */
  scope: string;
  /** Of a delta: the number of the complete list that it goes with. */
  base_number: number | null;
  this_update: number;
  next_update: number;
  /** The highest revocation_sequence that was looked at. */
  revocation_sequence: number;
  /** How many there are. */
  octets: number;
  /** Of the octets, where they are in a file; null where `der` has them. */
  sha256: string | null;
  der: Uint8Array | null;
  /**
   * A JSON array of URLs: of a shard those in its issuingDistributionPoint, of a complete list the one in its freshestCRL. Null for other lists, and for one that
   * an earlier version signed.
   */
  distribution_points: string | null;
}

interface CrlNumberTable {
  issuer: string;
  /** The last that was given out. */
  last: number;
}

interface CrlPartTable {
  issuer: string;
  number: number;
  part: number;
  octets: Uint8Array;
}

/** Revoked after the backup that this store was restored from, and issued after it too: there is no certificate here. */
interface RevokedSerialTable {
  serial: string;
  issuer: string;
  /** The certificate's own end is not known: its issuer's. */
  not_after: number;
  revoked_at: number;
  revocation_reason: string;
  revocation_sequence: number;
  /** DER. */
  crl_entry: Uint8Array | null;
}

/** The number that the last CRL of an issuer may have had before the store was restored. */
interface CrlFloorTable {
  issuer: string;
  number: number;
}

export interface AuditTable {
  sequence: number;
  at: number;
  action: string;
  phase: 'intent' | 'result';
  actor: string;
  request_id: string;
  subject: string;
  detail: string;
  previous_hash: string;
  hash: string;
}

interface AuditHeadTable {
  id: number;
  sequence: number;
  hash: string;
}

interface PolicyTable {
  id: number;
  /** Canonical JSON. */
  contents: string;
}

interface IssuerSeenTable {
  issuer: string;
  seen_at: number;
}

export interface UnlistedPeerTable {
  /** Of a certificate that is not in the store. */
  serial: string;
  /** The nearest CA of ours above it. */
  issuer: string;
  service: string;
  not_after: number;
  seen_at: number;
}

/** A change of what a service may: the one with the highest version of a name is what holds. */
export interface ServiceChangeTable {
  /** 1, 2, 3 … in the order of changes. */
  sequence: number;
  /** An exact name, or a pattern. */
  name: string;
  version: number;
  /** `removed`: from then on there is no entry. */
  state: 'allowed' | 'denied' | 'shadow' | 'removed';
  /** Of a shadow: what is tried. */
  tries: 'allowed' | 'denied' | null;
  /** A JSON array of text. */
  roles: string;
  valid_from: number | null;
  valid_until: number | null;
  /** A JSON array of SHA-256 digests of SubjectPublicKeyInfo. */
  pins: string;
  /** Requests a second. */
  rate: number | null;
  burst: number | null;
  note: string | null;
  author: string;
  request_id: string;
  changed_at: number;
}

/** What was let pass, and would have been refused. */
export interface ServiceShadowTable {
  service: string;
  method: string;
  route: string;
  code: string;
  /** The last one given. */
  reason: string;
  calls: number;
  first_at: number;
  last_at: number;
}

/** Every table by its name. */
export interface Schema {
  issuer: IssuerTable;
  cross_certificate: CrossCertificateTable;
  certificate: CertificateTable;
  serial: SerialTable;
  idempotency: IdempotencyTable;
  enrollment_token: EnrollmentTokenTable;
  revoked_serial: RevokedSerialTable;
  release: ReleaseTable;
  crl: CrlTable;
  crl_number: CrlNumberTable;
  crl_part: CrlPartTable;
  crl_floor: CrlFloorTable;
  audit: AuditTable;
  audit_head: AuditHeadTable;
  policy: PolicyTable;
  issuer_seen: IssuerSeenTable;
  unlisted_peer: UnlistedPeerTable;
  service_change: ServiceChangeTable;
  service_shadow: ServiceShadowTable;
}

/** Where statements go: the store itself, or a transaction on it. Inside a transaction use the transaction only: there is one connection. */
export type Database = Kysely<Schema>;
export type Transaction = KyselyTransaction<Schema>;
