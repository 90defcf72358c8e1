import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { EventBus } from '../../events/index.js';
import {
  findIssuer,
  insertCertificate,
  insertIssuer,
  listIssuers,
  reserveSerial,
  type IssuerRole,
  type IssuerRow,
  type IssuerState,
  type Transaction,
} from '../../store/index.js';
import {
  decodeCertificate,
  nameFrom,
  nameToString,
  verifySignature,
  type Certificate,
  type Name,
} from '../../x509/index.js';
import { AcceptedRequest, keyDigest } from '../issuance/accepted-request.js';
import { issueCertificate, type IssuanceContext } from '../issuance/issue-certificate.js';
import { PkiError } from '../pki-error.js';
import type { PkiSettings, Requester } from '../pki-settings.js';
import { readCertificateFile } from '../publication/certificate-file.js';
import { issuingProfile, rootProfile } from '../profile/profile.js';
import { identityOf, type IssuerIdentity } from './issuer-identity.js';
import { Issuer } from './issuer.js';
import { ensureSigner, hasKey, keyPlaceOf } from './open-signer.js';
import { KeyRecord } from './recorded-signer.js';
import type { Signer } from './signer.js';

const COMMON_NAMES = { root: 'VERITAS Root CA', issuing: 'VERITAS Issuing CA' } as const;

/** What making an authority takes, besides the authority. */
export interface Creation {
  readonly settings: PkiSettings;
  readonly context: IssuanceContext;
  readonly events: EventBus;
  readonly requester: Requester;
}

/** An authority to be made: the first of its role is called as its role is, the next `issuing-2`. */
export interface NewAuthority {
  readonly id: string;
  readonly role: IssuerRole;
  readonly state: IssuerState;
  /** Who signs it; absent for a root. */
  readonly parent: Issuer | undefined;
}

/** The path of the public certificate file of an authority. */
export const certificateFileOf = (certsDirectory: string, id: string): string => join(certsDirectory, `${id}_ca.pem`);

/** The name in the certificate of an authority: `VERITAS Issuing CA`, of the second one `VERITAS Issuing CA 2`. */
export function authoritySubject({ organization }: PkiSettings, role: IssuerRole, id: string): Name {
  const number = id === role ? '' : ` ${id.slice(role.length + 1)}`;
  return nameFrom({ organization, commonName: `${COMMON_NAMES[role]}${number}` });
}

/**
 * Makes what is absent of root and issuing CA: passphrase, keys, certificates, rows. What is there is kept: after a crash in between, the rest
 * is made; a certificate whose row is lost is taken from its file. Throws PkiError `authority_mismatch` when store and files do not belong together,
 * `key_elsewhere` when the certificate of an issuing CA was requested from a root elsewhere.
 */
export async function createAuthorities(creation: Creation, certsDirectory: string): Promise<void> {
  const { settings, context } = creation;
  const rows = await listIssuers(context.store.database);
  for (const { id, key_place: place, state } of rows)
    if (place === 'here' && state !== 'removed' && !(await hasKey(settings, id)))
      throw new PkiError(
        'authority_mismatch',
        `the store ${context.store.name} knows the CA ${id}, but ${keyPlaceOf(settings, id)} is gone: restore it, or move the store away to begin anew`,
      );
  // Everything is there. The keys are opened only when they are needed, as that takes a quarter of a second by design.
  if (['root', 'issuing'].every((each) => rows.some(({ role }) => role === each))) return;
  if (existsSync(requestFileOf(settings)))
    throw new PkiError(
      'key_elsewhere',
      `${requestFileOf(settings)} waits for its certificate, by a root whose key is not here`,
    );
  const first = { state: 'active', certsDirectory } as const;
  const root = await ensureAuthority(creation, { ...first, id: 'root', role: 'root', parent: undefined });
  await ensureAuthority(creation, { ...first, id: 'issuing', role: 'issuing', parent: root });
}

/** Where the last certification request of an issuing CA is, for as long as its certificate is not there. */
export const requestFileOf = ({ directory }: PkiSettings): string => join(directory, 'issuing_ca.csr.pem');

/**
 * Makes the key and the certificate of an authority unless they are there, and its row with the state asked for. After a crash in between the rest is
 * made. Throws PkiError `authority_mismatch` when key and certificate do not belong together.
 */
export async function ensureAuthority(
  creation: Creation,
  wanted: NewAuthority & { readonly certsDirectory?: string },
): Promise<Issuer> {
  const { context, settings, requester } = creation;
  const { id, parent, certsDirectory } = wanted;
  const file = certsDirectory === undefined ? undefined : certificateFileOf(certsDirectory, id);
  await checkIsNew(creation, id, file);
  const signer = await ensureSigner(settings, id, new KeyRecord(context.audit, requester));
  const certificate =
    (await knownCertificate(context, id)) ??
    (await unlessMade(
      creation,
      id,
      async () =>
        (file === undefined ? undefined : await adopt(creation, wanted, file)) ?? create(creation, wanted, signer),
    ));
  if (Buffer.compare(certificate.publicKey.der, signer.publicKey.der) !== 0)
    throw new PkiError(
      'authority_mismatch',
      `the key in ${keyPlaceOf(settings, id)} does not belong to the certificate of the CA ${id}`,
    );
  return new Issuer(identityOf(id, certificate, parent?.identity.chain ?? []), signer);
}

async function knownCertificate({ store }: IssuanceContext, id: string): Promise<Certificate | undefined> {
  const row = await findIssuer(store.database, id);
  return row && decodeCertificate(row.der);
}

/** Two processes may begin at once: the second one takes the certificate that the first one made. */
async function unlessMade({ context }: Creation, id: string, make: () => Promise<Certificate>): Promise<Certificate> {
  try {
    return await make();
  } catch (error) {
    const made = await knownCertificate(context, id);
    if (!made) throw error;
    return made;
  }
}

async function create(
  { context, settings, events, requester }: Creation,
  wanted: NewAuthority,
  signer: Signer,
): Promise<Certificate> {
  const { id, role, parent } = wanted;
  const profile = role === 'root' ? rootProfile : issuingProfile;
  const subject = authoritySubject(settings, role, id);
  const accepted = AcceptedRequest.acceptAuthority(signer.publicKey, { profile, subject, requester });
  const issuer = parent ?? new Issuer(rootIdentity(id, accepted, context), signer);
  const certificate = await issueCertificate(accepted, issuer, context, (transaction, made) =>
    // Fails when another process was first: then nothing of this stays but the intent.
    insertIssuer(transaction, issuerRow(wanted, made, context.now())),
  );
  events.emit('issuer.created', { issuer: id, notAfter: certificate.notAfter, adopted: false });
  return certificate;
}

/** A root that has no certificate yet is its own issuer, for as long as the profile says. */
function rootIdentity(
  id: string,
  { subject, publicKey, lifetime }: AcceptedRequest,
  { now, backdate }: IssuanceContext,
): IssuerIdentity {
  const seconds = Math.floor(now().getTime() / 1000);
  return {
    id,
    subject,
    publicKey,
    keyIdentifier: publicKey.keyIdentifier,
    notBefore: new Date((seconds - backdate) * 1000),
    // The token is made a moment later, perhaps in the next second.
    notAfter: new Date((seconds + lifetime + 60) * 1000),
    chain: [],
  };
}

/**
 * Refuses to make a CA that the store does not know but that existed before: its published list is there, and so is its key or its certificate. What the
 * store knew of it is lost, and beginning anew would undo every revocation and use CRL numbers twice. Throws PkiError `authority_mismatch`, also when it
 * cannot find out.
 */
export async function checkIsNew(
  { context, settings }: Pick<Creation, 'context' | 'settings'>,
  id: string,
  certificateFile?: string,
): Promise<void> {
  const list = settings.crlDirectory === undefined ? undefined : join(settings.crlDirectory, `${id}.crl`);
  if (list === undefined || !isThere(list, context.store.name)) return;
  const isCertified = certificateFile !== undefined && existsSync(certificateFile);
  if (!isCertified && !(await hasKey(settings, id))) return;
  // Last: another process may be making it now, whose row comes before its list.
  if (await knownCertificate(context, id)) return;
  throw new PkiError(
    'authority_mismatch',
    `the store ${context.store.name} does not know the CA ${id}, but ${list} was signed by it: restore a backup, or move that file away to begin anew and forget what was revoked`,
  );
}

function isThere(list: string, store: string): boolean {
  try {
    return statSync(list, { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    const { code = 'unknown reason' } = error as NodeJS.ErrnoException;
    throw new PkiError(
      'authority_mismatch',
      `cannot tell whether ${list} exists, which would have been signed before the store ${store} was made (${code})`,
      { cause: error },
    );
  }
}

/** Takes the certificate of a CA from its file into a store that does not know it, because the store was lost but the CA was not. */
async function adopt(creation: Creation, wanted: NewAuthority, path: string): Promise<Certificate | undefined> {
  if (!existsSync(path)) return undefined;
  const { context, events, requester } = creation;
  const certificate = readCertificateFile(path);
  const signedBy = wanted.parent?.identity.publicKey ?? certificate.publicKey;
  if (!verifySignature(certificate.signatureAlgorithm, signedBy, certificate.tbs, certificate.signature))
    throw new PkiError(
      'authority_mismatch',
      `${path} is not signed by ${wanted.parent ? 'the CA above it' : 'its own key'}`,
    );
  await context.store.transaction(async (transaction) => {
    const row = issuerRow(wanted, certificate, context.now());
    await adoptAuthority(transaction, { row, certificate, context, requester });
  });
  events.emit('issuer.created', { issuer: wanted.id, notAfter: certificate.notAfter, adopted: true });
  return certificate;
}

/** Takes the certificate of an authority, made elsewhere or before, among ours: issuer, number, certificate and audit rows. */
export async function adoptAuthority(
  transaction: Transaction,
  {
    row,
    certificate,
    context,
    requester,
  }: {
    readonly row: IssuerRow;
    readonly certificate: Certificate;
    readonly context: IssuanceContext;
    readonly requester: Requester;
  },
): Promise<void> {
  const now = context.now();
  const { actor, requestId } = requester;
  const detail = { issuer: row.id, fingerprint: certificate.fingerprint256 };
  const entry = { action: 'issuer.adopt', actor, requestId, subject: certificate.serialNumber, detail };
  await context.audit.append({ ...entry, phase: 'intent' }, transaction);
  await insertIssuer(transaction, row);
  await reserveSerial(transaction, certificate.serialNumber, now);
  await insertCertificate(transaction, {
    serial: certificate.serialNumber,
    issuer: row.parent,
    profile: row.role,
    service: null,
    subject: nameToString(certificate.subject),
    not_before: certificate.notBefore.getTime(),
    not_after: certificate.notAfter.getTime(),
    spki_sha256: keyDigest(certificate.publicKey.der),
    fingerprint: certificate.fingerprint256,
    der: certificate.der,
    requester: actor,
    request_id: requestId,
    issued_at: now.getTime(),
  });
  await context.audit.append({ ...entry, phase: 'result' }, transaction);
}

function issuerRow({ id, role, parent, state }: NewAuthority, { der }: Certificate, now: Date): IssuerRow {
  return { id, role, parent: parent?.identity.id ?? id, der, created_at: now.getTime(), state, key_place: 'here' };
}
