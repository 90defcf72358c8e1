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
import { decodeCertificate, isSignedBy, nameToString, sameKey, type Certificate } from '../../x509/index.js';
import { COMPLETE, crlFileName } from '../crl/crl-scope.js';
import { AcceptedRequest, keyDigest } from '../issuance/accepted-request.js';
import { issueCertificate, type IssuanceContext } from '../issuance/issue-certificate.js';
import { PkiError } from '../pki-error.js';
import type { PkiSettings, Requester } from '../pki-settings.js';
import { readCertificateFile } from '../publication/certificate-file.js';
import { issuingProfile, rootProfile } from '../profile/profile.js';
import { identityOf, type IssuerIdentity } from './issuer-identity.js';
import { authoritySubject } from './authority-subject.js';
import { Issuer } from './issuer.js';
import { ensureSigner, hasKey, keyPlaceOf } from './open-signer.js';
import { KeyRecord } from './recorded-signer.js';
import type { Signer } from './signer.js';

/** What is needed to create any CA. */
export interface Creation {
  readonly settings: PkiSettings;
  readonly context: IssuanceContext;
  readonly events: EventBus;
  readonly requester: Requester;
}

/** A CA to be created. The id of the first one is the name of its role, `issuing`; that of the next one is `issuing-2`. */
export interface NewAuthority {
  readonly id: string;
  readonly role: IssuerRole;
  readonly state: IssuerState;
  /** The CA that signs its certificate; undefined for a root, which signs its own. */
  readonly parent: Issuer | undefined;
}

/** The path of the public file with a CA's certificate. */
export const certificateFileOf = (certsDirectory: string, id: string): string => join(certsDirectory, `${id}_ca.pem`);

/**
 * Creates what is missing of the root and the issuing CA: passphrase, keys, certificates and rows. Whatever exists is kept. After a crash, another call
 * creates the rest. If the store lost the row of a CA, its certificate is taken from the CA's file. Throws PkiError `authority_mismatch` when the store and
 * the files do not belong to the same CA, and `key_elsewhere` when an issuing CA waits for its certificate from a root whose key is kept elsewhere.
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
  // Both CAs exist. Their keys are not opened here: the key derivation takes a quarter of a second, on purpose.
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

/** The path of the last certification request of an issuing CA. The file exists until the certificate is installed. */
export const requestFileOf = ({ directory }: PkiSettings): string => join(directory, 'issuing_ca.csr.pem');

/**
 * Creates the key and the certificate of a CA unless they exist, and its row with the wanted state. After a crash, another call creates the rest. When
 * `certsDirectory` is given, a certificate in its file there is used instead of a new one. Throws PkiError `authority_mismatch` when the key does not belong to
 * the certificate, and what {@link checkIsNew} throws.
 */
export async function ensureAuthority(
  creation: Creation,
  wanted: NewAuthority & { readonly certsDirectory?: string },
): Promise<Issuer> {
  const { context, settings, requester } = creation;
  const { id, parent, certsDirectory } = wanted;
  const file = certsDirectory === undefined ? undefined : certificateFileOf(certsDirectory, id);
  await checkIsNew(creation, id);
  const signer = await ensureSigner(settings, id, new KeyRecord(context.audit, requester));
  const certificate =
    (await knownCertificate(context, id)) ??
    (await unlessMade(
      creation,
      id,
      async () =>
        (file === undefined ? undefined : await adopt(creation, wanted, file)) ?? create(creation, wanted, signer),
    ));
  if (!sameKey(certificate.publicKey, signer.publicKey))
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

/** Runs `make`. When it fails because another process created the same CA at the same time, the certificate of that process is returned. */
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
    // This fails when another process was first. Then the transaction leaves nothing behind; only the audit row of the intent remains.
    insertIssuer(transaction, issuerRow(wanted, made, context.now())),
  );
  events.emit('issuer.created', { issuer: id, notAfter: certificate.notAfter, adopted: false });
  return certificate;
}

/** The issuer of a root's own certificate: the root itself, before it has one, with the validity that its profile gives. */
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
    // One minute longer, because the certificate's validity is computed a moment later and must not end after its issuer's.
    notAfter: new Date((seconds + lifetime + 60) * 1000),
    chain: [],
  };
}

/**
 * Checks that a CA which the store does not know did not exist before. It did when its published revocation list is there: the store was lost, and creating
 * the CA again would undo every revocation, use CRL numbers twice, and overwrite what a restored backup is compared with. Throws PkiError
 * `authority_mismatch` then, and when it cannot tell whether the list exists.
 */
export async function checkIsNew(
  { context, settings }: Pick<Creation, 'context' | 'settings'>,
  id: string,
): Promise<void> {
  const list = settings.crlDirectory === undefined ? undefined : join(settings.crlDirectory, crlFileName(id, COMPLETE));
  if (list === undefined || !isThere(list, context.store.name)) return;
  // The store is read last: another process may be creating the CA right now, and writes the row before it publishes the list.
  if (await knownCertificate(context, id)) return;
  throw new PkiError(
    'authority_mismatch',
    `the store ${context.store.name} does not know the CA ${id}, but ${list} was signed by one of that name: restore a backup, or move that file away to begin anew and forget what was revoked`,
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

/**
 * Adds a CA to the store from the file of its certificate, for a store that was lost while the CA's files were not. Returns undefined when there is no such
 * file. Throws PkiError `authority_mismatch` when the certificate is not signed by the CA above it, or by its own key if it is a root.
 */
async function adopt(creation: Creation, wanted: NewAuthority, path: string): Promise<Certificate | undefined> {
  if (!existsSync(path)) return undefined;
  const { context, events, requester } = creation;
  const certificate = readCertificateFile(path);
  const signedBy = wanted.parent?.identity.publicKey ?? certificate.publicKey;
  if (!isSignedBy(certificate, signedBy))
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

/**
 * Adds a CA whose certificate was made elsewhere or earlier: the rows of the issuer, of the serial number and of the certificate, and two audit rows, all in
 * `transaction`.
 */
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
