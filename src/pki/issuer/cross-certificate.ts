import { insertCrossCertificate, listCrossCertificates, type Database } from '../../store/index.js';
import type { Certificate } from '../../x509/index.js';
import { AcceptedRequest } from '../issuance/accepted-request.js';
import { issueCertificate } from '../issuance/issue-certificate.js';
import { crossProfile } from '../profile/profile.js';
import type { Creation } from './authority-creation.js';
import type { Issuer } from './issuer.js';

/** What a cross-certificate is about: a root by its id and its own certificate. */
export interface CrossedRoot {
  readonly id: string;
  readonly certificate: Pick<Certificate, 'subject' | 'publicKey'>;
}

/** Another process was first. */
class AlreadyCrossed extends Error {
  override readonly name = 'AlreadyCrossed';
}

/** Has `signer`, a root, certify the name and key of another root, unless it did before. Throws PkiError, and what the store throws. */
export async function ensureCrossCertificate(
  { context, requester }: Creation,
  { id: issuer, certificate: { subject, publicKey } }: CrossedRoot,
  by: Issuer,
): Promise<void> {
  const signer = by.identity.id;
  if (await isCrossed(context.store.database, { issuer, signer })) return;
  const accepted = AcceptedRequest.acceptAuthority(publicKey, { profile: crossProfile, subject, requester });
  try {
    await issueCertificate(accepted, by, context, async (transaction, { serialNumber: serial }) => {
      // Looked at again: then nothing of this one stays but the intent.
      if (await isCrossed(transaction, { issuer, signer })) throw new AlreadyCrossed();
      await insertCrossCertificate(transaction, { serial, issuer, signer });
    });
  } catch (error) {
    if (!(error instanceof AlreadyCrossed)) throw error;
  }
}

/** Whether the root `signer` has certified the root `issuer`, and not revoked that. */
export async function isCrossed(
  database: Database,
  { issuer, signer }: { readonly issuer: string; readonly signer: string },
): Promise<boolean> {
  const rows = await listCrossCertificates(database);
  return rows.some((row) => row.issuer === issuer && row.signer === signer && row.status === 'active');
}
