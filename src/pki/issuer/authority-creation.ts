import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { EventBus } from '../../events/index.js';
import {
  findIssuer,
  insertCertificate,
  insertIssuer,
  listIssuers,
  reserveSerial,
  type IssuerRow,
} from '../../store/index.js';
import {
  decodeCertificate,
  nameFrom,
  nameToString,
  octetsFromPemOrDer,
  subjectPublicKeyInfoOf,
  verifySignature,
  type Certificate,
} from '../../x509/index.js';
import { AcceptedRequest } from '../issuance/accepted-request.js';
import { issueCertificate, keyDigest, type IssuanceContext } from '../issuance/issue-certificate.js';
import { PkiError } from '../pki-error.js';
import type { PkiSettings, Requester } from '../pki-settings.js';
import { issuingProfile, rootProfile, type AuthorityProfile } from '../profile/profile.js';
import { keyFileOf } from './authority.js';
import { ensureKeyFile, FileSigner } from './file-signer.js';
import { identityOf, type IssuerIdentity } from './issuer-identity.js';
import { Issuer } from './issuer.js';
import { ensurePassphrase } from './secret-file.js';

const COMMON_NAMES = { root: 'VERITAS Root CA', issuing: 'VERITAS Issuing CA' } as const;

interface Creation {
  readonly settings: PkiSettings;
  readonly context: IssuanceContext;
  readonly events: EventBus;
  readonly requester: Requester;
}

/** The public certificate file of an authority. */
export const certificateFileOf = (certsDirectory: string, id: string): string => join(certsDirectory, `${id}_ca.pem`);

/**
 * Makes what is absent of root and issuing CA: passphrase, keys, certificates, rows. What is there is kept: after a crash in between, the rest
 * is made; a certificate whose row is lost is taken from its file. Throws PkiError `authority_mismatch` when store and files do not belong together.
 */
export async function createAuthorities(creation: Creation, certsDirectory: string): Promise<void> {
  const rows = await listIssuers(creation.context.store.database);
  const missing = rows.find(({ id }) => !existsSync(keyFileOf(creation.settings, id).path));
  if (missing)
    throw new PkiError(
      'authority_mismatch',
      `the store ${creation.context.store.path} knows the CA ${missing.id}, but ${keyFileOf(creation.settings, missing.id).path} is gone: restore it, or move the store away to begin anew`,
    );
  // All made: the keys are opened when they are needed, which takes a quarter of a second by design.
  if ([rootProfile, issuingProfile].every(({ name }) => rows.some(({ id }) => id === name))) return;
  ensurePassphrase(creation.settings.passphraseFile);
  const root = await ensureAuthority(creation, rootProfile, undefined, certsDirectory);
  await ensureAuthority(creation, issuingProfile, root, certsDirectory);
}

async function ensureAuthority(
  creation: Creation,
  profile: AuthorityProfile,
  parent: Issuer | undefined,
  certsDirectory: string,
): Promise<Issuer> {
  const { context, settings } = creation;
  const id = profile.name;
  const file = keyFileOf(settings, id);
  const key = await ensureKeyFile(file);
  const publicKey = subjectPublicKeyInfoOf(key);
  const signer = new FileSigner(file, publicKey, key);
  const certificate =
    (await knownCertificate(context, id)) ??
    (await adopt(creation, profile, parent, certificateFileOf(certsDirectory, id))) ??
    (await createUnlessMade(creation, profile, parent, signer));
  if (Buffer.compare(certificate.publicKey.der, publicKey.der) !== 0)
    throw new PkiError(
      'authority_mismatch',
      `the key in ${file.path} does not belong to the certificate of the CA ${id}`,
    );
  return new Issuer(identityOf(id, certificate, parent?.identity.chain ?? []), signer);
}

async function knownCertificate({ store }: IssuanceContext, id: string): Promise<Certificate | undefined> {
  const row = await findIssuer(store.database, id);
  return row && decodeCertificate(row.der);
}

/** Two processes may begin at once: whose row is second takes what the first one made. */
async function createUnlessMade(
  creation: Creation,
  profile: AuthorityProfile,
  parent: Issuer | undefined,
  signer: FileSigner,
): Promise<Certificate> {
  try {
    return await create(creation, profile, parent, signer);
  } catch (error) {
    const made = await knownCertificate(creation.context, profile.name);
    if (!made) throw error;
    return made;
  }
}

async function create(
  { context, settings, events, requester }: Creation,
  profile: AuthorityProfile,
  parent: Issuer | undefined,
  signer: FileSigner,
): Promise<Certificate> {
  const { organization } = settings;
  const id = profile.name;
  const subject = nameFrom({ organization, commonName: COMMON_NAMES[id] });
  const accepted = AcceptedRequest.acceptAuthority(signer.publicKey, { profile, subject, requester });
  const issuer = parent ?? new Issuer(rootIdentity(accepted, context), signer);
  const certificate = await issueCertificate(accepted, issuer, context, (transaction, made) =>
    // Fails when another process was first: then nothing of this stays but the intent.
    insertIssuer(transaction, issuerRow(profile, made, context.now())),
  );
  events.emit('issuer.created', { issuer: id, notAfter: certificate.notAfter, adopted: false });
  return certificate;
}

/** A root that has no certificate yet is its own issuer, for as long as the profile says. */
function rootIdentity(
  { subject, publicKey, lifetime }: AcceptedRequest,
  { now, backdate }: IssuanceContext,
): IssuerIdentity {
  const seconds = Math.floor(now().getTime() / 1000);
  return {
    id: 'root',
    subject,
    publicKey,
    keyIdentifier: publicKey.keyIdentifier,
    notBefore: new Date((seconds - backdate) * 1000),
    // The token is made a moment later, perhaps in the next second.
    notAfter: new Date((seconds + lifetime + 60) * 1000),
    chain: [],
  };
}

/** Takes the certificate of a CA from its file into a store that does not know it: the store was lost, the CA was not. */
async function adopt(
  { context, events, requester }: Creation,
  profile: AuthorityProfile,
  parent: Issuer | undefined,
  path: string,
): Promise<Certificate | undefined> {
  if (!existsSync(path)) return undefined;
  const [octets] = octetsFromPemOrDer(readFileSync(path), 'CERTIFICATE');
  const certificate = decodeCertificate(octets ?? new Uint8Array());
  const signedBy = parent?.identity.publicKey ?? certificate.publicKey;
  if (!verifySignature(certificate.signatureAlgorithm, signedBy, certificate.tbs, certificate.signature))
    throw new PkiError('authority_mismatch', `${path} is not signed by the CA it should be signed by`);
  const now = context.now();
  await context.store.transaction(async (transaction) => {
    const row = issuerRow(profile, certificate, now);
    await insertIssuer(transaction, row);
    await reserveSerial(transaction, certificate.serialNumber, now);
    await insertCertificate(transaction, {
      serial: certificate.serialNumber,
      issuer: row.parent,
      profile: profile.name,
      service: null,
      subject: nameToString(certificate.subject),
      not_before: certificate.notBefore.getTime(),
      not_after: certificate.notAfter.getTime(),
      spki_sha256: keyDigest(certificate.publicKey.der),
      fingerprint: certificate.fingerprint256,
      der: certificate.der,
      requester: requester.actor,
      request_id: requester.requestId,
      issued_at: now.getTime(),
    });
    const { actor, requestId } = requester;
    const detail = { issuer: profile.name, fingerprint: certificate.fingerprint256 };
    const entry = { action: 'issuer.adopt', actor, requestId, subject: certificate.serialNumber, detail };
    await context.audit.append({ ...entry, phase: 'result' }, transaction);
  });
  events.emit('issuer.created', { issuer: profile.name, notAfter: certificate.notAfter, adopted: true });
  return certificate;
}

function issuerRow(profile: AuthorityProfile, certificate: Certificate, now: Date): IssuerRow {
  return { id: profile.name, role: profile.name, parent: 'root', der: certificate.der, created_at: now.getTime() };
}
