import type { AuditLog } from '../../audit/index.js';
import type { EventBus } from '../../events/index.js';
import type { Store } from '../../store/index.js';
import type { Certificate } from '../../x509/index.js';
import { hasDeltas, shardOf } from '../crl/crl-scope.js';
import type { Issuer } from '../issuer/issuer.js';
import { PkiError } from '../pki-error.js';
import type { Requester } from '../pki-settings.js';
import { isAskedAbout } from '../profile/profile.js';
import type { ListPoints } from '../profile/fixed-extensions.js';
import type { AcceptedRequest } from './accepted-request.js';
import type { Alongside, IssuanceJournal } from './issuance-journal.js';
import { IssuanceToken } from './issuance-token.js';
import { newSerialNumber } from './serial-number.js';

/** What issuing a certificate needs. */
export interface IssuanceContext {
  readonly store: Store;
  readonly audit: AuditLog;
  readonly journal: IssuanceJournal;
  readonly now: () => Date;
  /** Seconds. */
  readonly backdate: number;
  readonly publicationUrl: string;
  /** Whether OCSP requests are answered; false when absent. */
  readonly ocsp?: boolean | undefined;
  /** See {@link PkiSettings}. */
  readonly crlShards?: number | undefined;
  readonly crlDeltaLifetime?: number | undefined;
  /** Where serial numbers come from; node:crypto when absent. */
  readonly random?: ((octets: number) => Uint8Array) | undefined;
}

const ATTEMPTS = 5;

/**
 * The one way to a certificate: token, audit intent (durable before a key is touched), signature, then row and audit result in one commit. What it returns is
 * stored. `alongside` runs in that last transaction, before the row. Throws PkiError, and what the store throws; then nothing was handed out.
 */
export async function issueCertificate(
  accepted: AcceptedRequest,
  issuer: Issuer,
  context: IssuanceContext,
  alongside?: Alongside,
): Promise<Certificate> {
  const token = await takeToken(accepted, issuer, context);
  const certificate = await issuer.issue(token);
  await context.journal.record(token, certificate, alongside);
  return certificate;
}

/** Emits `certificate.issued`. */
export function tellIssued(
  events: EventBus,
  { serialNumber, notAfter }: Certificate,
  { profile, service, requester: { actor: requester, requestId } }: AcceptedRequest,
  issuer: string,
): void {
  events.emit('certificate.issued', {
    serialNumber,
    issuer,
    profile: profile.name,
    service,
    notAfter,
    requester,
    requestId,
  });
}

/** Gives what `work` gives. Emits `issuance.refused` where it throws a PkiError. */
export async function reportRefusals<T>(
  events: EventBus,
  { actor: requester, requestId }: Pick<Requester, 'actor' | 'requestId'>,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof PkiError) events.emit('issuance.refused', { code: error.code, requester, requestId });
    throw error;
  }
}

/** A token with a serial number that was never used. When one was, another number is drawn. */
async function takeToken(accepted: AcceptedRequest, issuer: Issuer, context: IssuanceContext): Promise<IssuanceToken> {
  const { backdate, publicationUrl, ocsp, now, random, journal } = context;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const serialNumber = newSerialNumber(random);
    const token = new IssuanceToken(accepted, issuer.identity, {
      serialNumber,
      algorithm: issuer.algorithm,
      now: now(),
      backdate,
      publicationUrl,
      ocsp,
      ...listPoints(accepted, issuer, serialNumber, context),
    });
    if (await journal.take(token)) return token;
  }
  throw new PkiError('serial_exhausted', `${ATTEMPTS} serial numbers in a row were taken`);
}

/** The lists that a certificate names. A root has only a complete list. */
function listPoints(
  { profile }: AcceptedRequest,
  { identity }: Issuer,
  serialNumber: string,
  context: IssuanceContext,
): ListPoints {
  if (identity.chain.length < 2 || !isAskedAbout(profile)) return {};
  return { crlShard: shardOf(serialNumber, context.crlShards ?? 0), hasDelta: hasDeltas(context) };
}
