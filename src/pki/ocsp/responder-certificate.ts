import type { EventBus } from '../../events/index.js';
import { compromisedKeys, listCertificates, responderService } from '../../store/index.js';
import { decodeCertificate, nameFrom, type Certificate } from '../../x509/index.js';
import { signsLists } from '../crl/crl.service.js';
import { AcceptedRequest, keyDigest } from '../issuance/accepted-request.js';
import { issueCertificate, tellIssued, type IssuanceContext } from '../issuance/issue-certificate.js';
import { requestBy } from '../issuance/own-request.js';
import type { Authority } from '../issuer/authority.js';
import { ensureSigner } from '../issuer/open-signer.js';
import { KeyRecord } from '../issuer/recorded-signer.js';
import type { Signer } from '../issuer/signer.js';
import { PkiError } from '../pki-error.js';
import type { PkiSettings, Requester } from '../pki-settings.js';
import type { Profiles } from '../profile/profiles.js';
import { Responder } from './responder.js';

const DAY = 86_400;
const PROFILE = 'ocsp-responder';
const LIFETIME = 14 * DAY;
/**
 * How long before its end a responder's certificate is replaced, in milliseconds: half of its lifetime, so that a failure of up to a week causes no
 * outage.
 */
export const RENEW_BEFORE = 7 * DAY * 1000;
// The most keys per CA. A new key is made only after the previous one was reported compromised.
const MOST_KEYS = 16;
// The most certificates of a responder that are searched. There are more only where many nodes have keys of their own.
const MOST_CERTIFICATES = 100;

/** The requester of responder certificates: the CA itself. */
const REQUESTER: Requester = { actor: 'veritas', requestId: 'ocsp-responder', standing: 'operator' };

/** The dependencies for making a responder. */
export interface ResponderMaking {
  readonly settings: PkiSettings;
  readonly profiles: Profiles;
  readonly context: IssuanceContext;
  readonly events: EventBus;
}

/**
 * Opens the responder of a CA. Its key is created when it does not exist. Its certificate, which is to be valid for at least another `least`
 * milliseconds, is taken from the store, or issued like any other. `signers` holds the signers opened so far by their names; they are reused because a
 * passphrase from a pipe can be read only once. Throws what key, issuance and store throw, and PkiError `key_elsewhere` when the CA was removed and its
 * key destroyed.
 */
export async function openResponder(
  making: ResponderMaking,
  authority: Authority,
  { signers, least }: { readonly signers: Map<string, Signer>; readonly least: number },
): Promise<Responder> {
  const signer = await usableSigner(making, authority, signers);
  const certificate =
    (await standingCertificate(making, authority, { signer, least })) ?? (await issue(making, authority, signer));
  return new Responder(authority.certificate, certificate, signer);
}

/** The signer with the first key that was not reported compromised. A compromised key is never certified again. */
async function usableSigner(
  { settings, context }: ResponderMaking,
  { id }: Authority,
  signers: Map<string, Signer>,
): Promise<Signer> {
  const record = new KeyRecord(context.audit, REQUESTER);
  for (let number = 1; number <= MOST_KEYS; number++) {
    const name = number === 1 ? `ocsp-${id}` : `ocsp${number}-${id}`;
    const signer = signers.get(name) ?? (await ensureSigner(settings, name, record));
    signers.set(name, signer);
    const digest = keyDigest(signer.publicKey.der);
    if ((await compromisedKeys(context.store.database, [digest])).size === 0) return signer;
  }
  throw new PkiError('key_compromised', `${MOST_KEYS} keys of the OCSP responder of ${id} were reported compromised`);
}

/** The one that lasts longest. */
async function standingCertificate(
  { context }: ResponderMaking,
  authority: Authority,
  { signer, least }: { readonly signer: Signer; readonly least: number },
): Promise<Certificate | undefined> {
  const now = context.now();
  const digest = keyDigest(signer.publicKey.der);
  const { rows } = await listCertificates(context.store.database, {
    service: responderService(authority.id),
    status: 'active',
    now: new Date(now.getTime() + least),
    limit: MOST_CERTIFICATES,
  });
  const row = rows.find(
    ({ issuer, profile, spki_sha256: key, not_before: notBefore }) =>
      issuer === authority.id && profile === PROFILE && key === digest && notBefore <= now.getTime(),
  );
  return row && decodeCertificate(row.der);
}

/**
 * Issues the responder's certificate through the same steps as every certificate: request with proof of possession, profile, lint, audit record,
 * signature, row.
 */
async function issue(making: ResponderMaking, authority: Authority, signer: Signer): Promise<Certificate> {
  const { settings, profiles, context, events } = making;
  if (!(await signsLists(authority, settings, context.now())))
    throw new PkiError('key_elsewhere', `the CA ${authority.id} was removed, and its key is not here any more`);
  const service = responderService(authority.id);
  const accepted = AcceptedRequest.accept(await requestBy(signer, nameFrom({ commonName: service })), {
    profile: profiles.named(PROFILE),
    organization: settings.organization,
    lifetime: LIFETIME,
    service,
    requester: REQUESTER,
  });
  const certificate = await issueCertificate(accepted, authority.issuer, context);
  tellIssued(events, certificate, accepted, authority.id);
  return certificate;
}
