import { insertCrossCertificate, listCrossCertificates } from '../../store/index.js';
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

/** Has `signer`, a root, certify the name and key of another root, unless it did before. True when it did now. Throws PkiError, and what the store throws. */
export async function ensureCrossCertificate(
  { context, requester }: Creation,
  { id, certificate: { subject, publicKey } }: CrossedRoot,
  signer: Issuer,
): Promise<boolean> {
  const before = await listCrossCertificates(context.store.database);
  if (before.some((each) => each.issuer === id && each.signer === signer.identity.id && each.status === 'active'))
    return false;
  const accepted = AcceptedRequest.acceptAuthority(publicKey, { profile: crossProfile, subject, requester });
  await issueCertificate(accepted, signer, context, (transaction, { serialNumber }) =>
    insertCrossCertificate(transaction, { serial: serialNumber, issuer: id, signer: signer.identity.id }),
  );
  return true;
}
