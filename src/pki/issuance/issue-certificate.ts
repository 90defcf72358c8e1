import { hash } from 'node:crypto';
import type { AuditLog } from '../../audit/index.js';
import { insertCertificate, reserveSerial, type Store, type Transaction } from '../../store/index.js';
import { nameToString, type Certificate } from '../../x509/index.js';
import { shardOf } from '../crl/crl-scope.js';
import type { Issuer } from '../issuer/issuer.js';
import { PkiError } from '../pki-error.js';
import { hasDistributionPoint } from '../profile/profile.js';
import type { ListPoints } from '../profile/profile-extensions.js';
import type { AcceptedRequest } from './accepted-request.js';
import { IssuanceToken } from './issuance-token.js';
import { newSerialNumber } from './serial-number.js';

/** What the river flows through. */
export interface IssuanceContext {
  readonly store: Store;
  readonly audit: AuditLog;
  readonly now: () => Date;
  /** Seconds. */
  readonly backdate: number;
  readonly publicationUrl: string;
  /** See {@link PkiSettings}. */
  readonly crlShards?: number | undefined;
  readonly crlDeltaLifetime?: number | undefined;
  /** Where serial numbers come from; node:crypto when absent. */
  readonly random?: ((octets: number) => Uint8Array) | undefined;
}

const ATTEMPTS = 5;

/**
 * The river: token, audit intent (durable before a key is touched), signature, row and audit result in one commit. What it returns is stored.
 * `alongside` runs in that last transaction, before the row. Throws PkiError, and what the store throws; then nothing was handed out.
 */
export async function issueCertificate(
  accepted: AcceptedRequest,
  issuer: Issuer,
  context: IssuanceContext,
  alongside?: (transaction: Transaction, certificate: Certificate) => Promise<void>,
): Promise<Certificate> {
  const token = await takeToken(accepted, issuer, context);
  const certificate = await issuer.issue(token);
  await context.store.transaction(async (transaction) => {
    await alongside?.(transaction, certificate);
    await insertCertificate(transaction, rowOf(certificate, token, context.now()));
    await context.audit.append(
      { ...auditEntry(token), phase: 'result', detail: { fingerprint: certificate.fingerprint256 } },
      transaction,
    );
  });
  return certificate;
}

/** Reserves a serial number and records the intent, in one commit. A number that was taken before is left, and another one drawn. */
async function takeToken(accepted: AcceptedRequest, issuer: Issuer, context: IssuanceContext): Promise<IssuanceToken> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const now = context.now();
    const { backdate, publicationUrl } = context;
    const serialNumber = newSerialNumber(context.random);
    const token = new IssuanceToken(accepted, issuer.identity, {
      serialNumber,
      algorithm: issuer.algorithm,
      now,
      backdate,
      publicationUrl,
      ...listPoints(accepted, issuer, serialNumber, context),
    });
    const reserved = await context.store.transaction(async (transaction) => {
      if (!(await reserveSerial(transaction, serialNumber, now))) return false;
      await context.audit.append({ ...auditEntry(token), phase: 'intent' }, transaction);
      return true;
    });
    if (reserved) return token;
  }
  throw new PkiError('serial_exhausted', `${ATTEMPTS} serial numbers in a row were taken`);
}

/** A root has a complete list alone. */
function listPoints(
  { profile }: AcceptedRequest,
  { identity }: Issuer,
  serialNumber: string,
  { crlShards = 0, crlDeltaLifetime = 0 }: IssuanceContext,
): ListPoints {
  if (identity.chain.length < 2 || !hasDistributionPoint(profile)) return {};
  return { crlShard: shardOf(serialNumber, crlShards), hasDelta: crlDeltaLifetime > 0 };
}

function auditEntry({ accepted, issuer, serialNumber }: IssuanceToken) {
  const { profile, subject, requester } = accepted;
  return {
    action: 'certificate.issue',
    actor: requester.actor,
    requestId: requester.requestId,
    subject: serialNumber,
    detail: { issuer: issuer.id, profile: profile.name, subject: nameToString(subject) },
  };
}

function rowOf(certificate: Certificate, { accepted, issuer, crlShard }: IssuanceToken, now: Date) {
  return {
    serial: certificate.serialNumber,
    issuer: issuer.id,
    profile: accepted.profile.name,
    service: accepted.service ?? null,
    subject: nameToString(certificate.subject),
    not_before: certificate.notBefore.getTime(),
    not_after: certificate.notAfter.getTime(),
    spki_sha256: keyDigest(certificate.publicKey.der),
    fingerprint: certificate.fingerprint256,
    der: certificate.der,
    requester: accepted.requester.actor,
    request_id: accepted.requester.requestId,
    issued_at: now.getTime(),
    crl_shard: crlShard,
  };
}

/** SHA-256 of a SubjectPublicKeyInfo, lower-case hexadecimal. */
export function keyDigest(spki: Uint8Array): string {
  return hash('sha256', spki);
}
