import { randomBytes } from 'node:crypto';
import { DatabaseSync } from 'node:sqlite';
import { CrlReason, encodeRevokedCertificate } from '../../src/x509/index.js';

const BATCH = 100_000;
const REASONS = ['superseded', 'keyCompromise', 'cessationOfOperation', 'unspecified'] as const;
const HOUR = 3_600_000;

/** Adds certificates of the issuing CA to a store, quickly and behind its back: revoked ones, spread over the last year, and as many `active` ones as wanted. Gives their serial numbers. */
export function fillStore(
  path: string,
  { revoked, active = 0 }: { readonly revoked: number; readonly active?: number },
): { readonly revoked: string[]; readonly active: string[] } {
  const sqlite = new DatabaseSync(path, { enableForeignKeyConstraints: false });
  sqlite.exec('pragma synchronous = off; pragma cache_size = -200000');
  const [last] = sqlite.prepare('select max(revocation_sequence) as last from certificate').all();
  let sequence = Number(last?.last ?? 0);
  const serial = sqlite.prepare('insert into serial (serial, reserved_at) values (?, ?)');
  const certificate = sqlite.prepare(
    `insert into certificate (serial, issuer, profile, service, subject, not_before, not_after, spki_sha256, fingerprint, der, requester,
      request_id, issued_at, status, revoked_at, revocation_reason, revocation_sequence, crl_entry)
     values (?, 'issuing', 'service', 'orders', 'CN=orders', ?, ?, ?, ?, ?, 'bench', 'bench', ?, ?, ?, ?, ?, ?)`,
  );
  const indexes = sqlite
    .prepare(
      `select name, sql from sqlite_master where type = 'index' and tbl_name = 'certificate' and sql is not null`,
    )
    .all();
  for (const { name } of indexes) sqlite.exec(`drop index ${String(name)}`);
  const now = Date.now();
  const octets = randomBytes(32);
  const serials: string[] = [];
  const total = revoked + active;
  for (let from = 0; from < total; from += BATCH) {
    sqlite.exec('begin immediate');
    for (let i = from; i < Math.min(total, from + BATCH); i++) {
      const bytes = randomBytes(16);
      bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
      const number = bytes.toString('hex');
      const issuedAt = now - 8760 * HOUR + Math.floor((i / total) * 8760 * HOUR);
      serial.run(number, issuedAt);
      const reason = REASONS[i % REASONS.length] ?? 'unspecified';
      const entry = { serialNumber: bytes, revocationDate: new Date(issuedAt), reason: CrlReason[reason] };
      const how =
        i < revoked
          ? (['revoked', issuedAt, reason, ++sequence, encodeRevokedCertificate(entry)] as const)
          : (['active', null, null, null, null] as const);
      certificate.run(number, issuedAt, now + 8760 * HOUR, number, `f${number}`, octets, issuedAt, ...how);
      serials.push(number);
    }
    sqlite.exec('commit');
  }
  for (const { sql } of indexes) sqlite.exec(String(sql));
  sqlite.exec('pragma wal_checkpoint(truncate)');
  sqlite.close();
  return { revoked: serials.slice(0, revoked), active: serials.slice(revoked) };
}
