import { existsSync, rmSync } from 'node:fs';
import { AuditLog } from '../../audit/index.js';
import {
  crlOctets,
  findCertificate,
  insertCrl,
  lastCrlHeader,
  listIssuers,
  markRevoked,
  type CrlHeader,
  type Database,
  type IssuerRow,
  type Store,
  type Transaction,
} from '../../store/index.js';
import {
  encodeExtensionOf,
  encodePem,
  KeyUsage,
  nameToString,
  type Certificate,
  type CertificateList,
  type CertificationRequest,
} from '../../x509/index.js';
import { IssuanceJournal } from '../issuance/issuance-journal.js';
import { COMPLETE } from '../crl/crl-scope.js';
import type { IssuanceContext } from '../issuance/issue-certificate.js';
import { requestBy } from '../issuance/own-request.js';
import { adoptAuthority, checkIsNew, requestFileOf } from '../issuer/authority-creation.js';
import { authoritySubject } from '../issuer/authority-subject.js';
import { ensureSigner } from '../issuer/open-signer.js';
import { KeyRecord } from '../issuer/recorded-signer.js';
import { PkiError } from '../pki-error.js';
import type { PkiSettings, Requester } from '../pki-settings.js';
import { issuingProfile } from '../profile/profile.js';
import { replaceFile } from '../publication/atomic-file.js';
import { isRevocable, revocationDates } from '../revocation/revocation.service.js';
import { checkExternalCrl, reasonNameOf, refuse, usableEntries } from './external-crl.js';
import { checkIssuingCertificate, checkRootCertificate } from './external-certificate.js';
import { nextAuthorityId } from './next-authority.js';

/** The result of installing the certificate of an issuing CA. `already` is true when it had been installed before. */
export interface InstalledAuthority {
  readonly id: string;
  readonly root: string;
  readonly state: IssuerRow['state'];
  readonly already: boolean;
}

/**
 * The result of installing a revocation list. `revoked`: the serial numbers of our certificates that the list revokes and that were not revoked here
 * before. `already` is true when this list had been installed before.
 */
export interface InstalledCrl {
  readonly issuer: string;
  readonly number: number;
  readonly nextUpdate: Date;
  readonly revoked: readonly string[];
  readonly already: boolean;
}

/**
 * Runs an issuing CA below a root whose key is elsewhere: makes certification requests, and installs the certificates and revocation lists of that
 * root.
 */
export class ExternalRootService {
  readonly #context: IssuanceContext;
  readonly #settings: PkiSettings;

  /**
   * The store may be without a CA. What is installed is published by the next process that opens the CA; a running service picks it up within its
   * poll interval.
   */
  constructor(parts: {
    readonly settings: PkiSettings;
    readonly store: Store;
    readonly now?: (() => Date) | undefined;
  }) {
    const { settings, store, now = () => new Date() } = parts;
    const { backdate, publicationUrl } = settings;
    this.#settings = settings;
    const audit = new AuditLog(store, now);
    const journal = new IssuanceJournal({ store, audit, now });
    this.#context = { store, audit, journal, now, backdate, publicationUrl };
  }

  /**
   * Makes the certification request of the next issuing CA, a CA with no CA below it. The key is created when it does not exist. Until the
   * certificate is installed, every call makes a request for the same key. Throws PkiError for what is wrong with key or passphrase, and what the
   * store throws.
   */
  async request(requester: Requester): Promise<{ readonly id: string; readonly request: CertificationRequest }> {
    const { store, audit } = this.#context;
    const id = nextAuthorityId(await listIssuers(store.database), 'issuing');
    await checkIsNew({ context: this.#context, settings: this.#settings }, id);
    const { actor, requestId } = requester;
    const entry = { action: 'issuer.request', actor, requestId, subject: id };
    await audit.append({ ...entry, phase: 'intent' });
    const signer = await ensureSigner(this.#settings, id, new KeyRecord(this.#context.audit, requester));
    const subject = authoritySubject(this.#settings, 'issuing', id);
    const { pathLenConstraint } = issuingProfile;
    const request = await requestBy(signer, subject, [
      encodeExtensionOf.basicConstraints({ cA: true, pathLenConstraint }),
      encodeExtensionOf.keyUsage([KeyUsage.keyCertSign, KeyUsage.cRLSign]),
      encodeExtensionOf.subjectKeyIdentifier(signer.publicKey.keyIdentifier),
    ]);
    replaceFile(requestFileOf(this.#settings), encodePem('CERTIFICATE REQUEST', request.der), 0o644);
    await audit.append({ ...entry, phase: 'result', detail: { subject: nameToString(subject) } });
    return { id, request };
  }

  /**
   * Installs the certificate of the requested issuing CA, and its root. Both become `active` when they are the first of their role, and otherwise
   * `prepared`, ready for `rollover publish`. Nothing is installed unless every check passes. Throws PkiError `ca_certificate_not_accepted`, and what
   * key and store throw.
   */
  async install(issuing: Certificate, root: Certificate, requester: Requester): Promise<InstalledAuthority> {
    const { store, audit, now } = this.#context;
    const rows = await listIssuers(store.database);
    const before = rows.find(({ der }) => Buffer.compare(der, issuing.der) === 0);
    if (before) return this.#installed({ id: before.id, root: before.parent, state: before.state, already: true });
    const id = nextAuthorityId(rows, 'issuing');
    if (!existsSync(requestFileOf(this.#settings)))
      throw new PkiError('ca_certificate_not_accepted', 'no certification request is waiting for a certificate');
    await checkIsNew({ context: this.#context, settings: this.#settings }, id);
    const signer = await ensureSigner(this.#settings, id, new KeyRecord(this.#context.audit, requester));
    checkRootCertificate(root, now());
    checkIssuingCertificate(issuing, {
      root,
      publicKey: signer.publicKey,
      subject: authoritySubject(this.#settings, 'issuing', id),
      now: now(),
    });
    const { actor, requestId } = requester;
    const entry = { action: 'issuer.install', actor, requestId, subject: id };
    await audit.append({ ...entry, phase: 'intent', detail: { fingerprint: issuing.fingerprint256 } });
    const installed = await store.transaction(async (transaction) => {
      const known = await this.#ensureRoot(transaction, root, requester);
      const current = await listIssuers(transaction);
      const isFirst = current.every(({ role }) => role !== 'issuing');
      const state = isFirst ? 'active' : 'prepared';
      const row = { id, role: 'issuing', parent: known, der: issuing.der, created_at: now().getTime(), state } as const;
      const context = this.#context;
      await adoptAuthority(transaction, {
        row: { ...row, key_place: 'here' },
        certificate: issuing,
        context,
        requester,
      });
      await audit.append({ ...entry, phase: 'result', detail: { root: known, state } }, transaction);
      return { id, root: known, state, already: false } as const;
    });
    return this.#installed(installed);
  }

  /** Removes the request file, because the request was answered. */
  #installed(installed: InstalledAuthority): InstalledAuthority {
    rmSync(requestFileOf(this.#settings), { force: true });
    return installed;
  }

  async #ensureRoot(transaction: Transaction, root: Certificate, requester: Requester): Promise<string> {
    const rows = await listIssuers(transaction);
    const known = rows.find(({ der }) => Buffer.compare(der, root.der) === 0);
    if (known) return known.id;
    const id = nextAuthorityId(rows, 'root');
    const row: IssuerRow = {
      id,
      role: 'root',
      parent: id,
      der: root.der,
      created_at: this.#context.now().getTime(),
      state: rows.length === 0 ? 'active' : 'prepared',
      key_place: 'elsewhere',
    };
    await adoptAuthority(transaction, { row, certificate: root, context: this.#context, requester });
    return id;
  }

  /**
   * Checks all that {@link installCrl} does of a revocation list, which may be of `root` when that is still to be installed. Throws PkiError
   * `crl_not_accepted`, and what the store throws.
   */
  async checkCrl(list: CertificateList, root: Certificate | undefined): Promise<void> {
    const { store, now } = this.#context;
    const rows = await listIssuers(store.database);
    const next = root ? [{ id: '', role: 'root', der: root.der, key_place: 'elsewhere' } as const] : [];
    const { id, number } = checkExternalCrl(list, [...rows, ...next], now());
    await lastCrlBefore(store.database, { id, number, list });
    // Read to the last entry.
    Array.from(usableEntries(list, refuse), () => undefined);
  }

  /**
   * Installs a revocation list of a root whose key is elsewhere, to be published unchanged, and revokes in the store those of our certificates that
   * it revokes. Throws PkiError `crl_not_accepted`, and what the store throws.
   */
  async installCrl(list: CertificateList, requester: Requester): Promise<InstalledCrl> {
    const { store, audit, now } = this.#context;
    const rows = await listIssuers(store.database);
    const { id, number, nextUpdate } = checkExternalCrl(list, rows, now());
    const { actor, requestId } = requester;
    const entry = { action: 'crl.install', actor, requestId, subject: id };
    await audit.append({ ...entry, phase: 'intent', detail: { number: String(number) } });
    return store.transaction(async (transaction) => {
      const last = await lastCrlBefore(transaction, { id, number, list });
      const revoked: string[] = [];
      let sequence = 0;
      for (const { serialNumber, revocationDate, reason } of usableEntries(list, refuse)) {
        const row = await findCertificate(transaction, serialNumber);
        const name = reasonNameOf(reason);
        if (row?.issuer !== id || !isRevocable(row, name)) continue;
        const dates = revocationDates(row, { now: revocationDate, invalidityDate: undefined });
        sequence = await markRevoked(transaction, { serial: serialNumber, reason: name, ...dates });
        revoked.push(serialNumber);
      }
      const already = last?.number === number;
      if (!already)
        await insertCrl(transaction, {
          issuer: id,
          number,
          scope: COMPLETE,
          base_number: null,
          octets: list.der.length,
          sha256: null,
          this_update: list.thisUpdate.getTime(),
          next_update: nextUpdate.getTime(),
          revocation_sequence: sequence,
          der: list.der,
        });
      const detail = { number: String(number), revoked: revoked.join(' ') };
      await audit.append({ ...entry, phase: 'result', detail }, transaction);
      return { issuer: id, number, nextUpdate, revoked, already };
    });
  }
}

/**
 * The last list of the root `id` that was installed, if any. Throws PkiError `crl_not_accepted` when it is newer than list `number`, or another one of
 * that number, which a root gives to one list only (RFC 5280 §5.2.3).
 */
async function lastCrlBefore(
  database: Database,
  { id, number, list }: { readonly id: string; readonly number: number; readonly list: CertificateList },
): Promise<CrlHeader | undefined> {
  const last = await lastCrlHeader(database, { issuer: id, scope: COMPLETE });
  if (last && last.number > number) refuse(`list ${last.number} of ${id} is here, which is newer than ${number}`);
  const octets = last?.number === number ? await crlOctets(database, last) : undefined;
  if (octets && Buffer.compare(octets, list.der) !== 0) refuse(`another list ${number} of ${id} is here`);
  return last;
}
