import { copyFileSync, cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import {
  BackupReader,
  backUp,
  openCertificationAuthority,
  PkiError,
  readPublished,
  restore,
  ROLLOVER_STEPS,
  type BackupFile,
  type CertificationAuthority,
  type IssuedCertificate,
  type PkiSettings,
  type PublishedList,
  type RolloverRequest,
} from '../../src/pki/index.js';
import { openStore, tablePages, tableShapes, type Store } from '../../src/store/index.js';
import {
  CrlReason,
  decodeCertificate,
  decodeCertificateList,
  decodePem,
  validateCertificatePath,
  verifySignature,
} from '../../src/x509/index.js';
import { certificationRequest } from './certification-request.js';
import type { NewPlace, StorePlace } from './postgres.js';
import { somebody, temporarySettings } from './temporary-authority.js';

const REASONS = ['certificateHold', 'superseded', 'keyCompromise'] as const;
type Reason = (typeof REASONS)[number];

/** One thing that an operator does; `which` chooses among what there is, `node` one of two that share the store. */
export type Operation =
  | { readonly kind: 'issue'; readonly node: number; readonly lifetime: number }
  | { readonly kind: 'revoke'; readonly node: number; readonly which: number; readonly reason: Reason }
  | { readonly kind: 'release'; readonly node: number; readonly which: number }
  | ({ readonly kind: 'rollover'; readonly node: number; readonly which: number | undefined } & Pick<
      RolloverRequest,
      'step' | 'back' | 'root'
    >)
  | { readonly kind: 'advance'; readonly node: number; readonly root: boolean }
  | { readonly kind: 'wait'; readonly seconds: number }
  | { readonly kind: 'configure'; readonly node: number; readonly settings: Partial<PkiSettings> }
  | { readonly kind: 'backup' }
  | { readonly kind: 'restore'; readonly which: number; readonly isListGone: boolean };

/** What an operator does in years, at random. */
export function anyOperation(): fc.Arbitrary<Operation> {
  const [node, which] = [fc.nat(1), fc.nat(20)];
  const is = <K extends Operation['kind']>(kind: K) => fc.constant(kind);
  const seldom = fc.constantFrom(false, false, true);
  const settings = fc.record({
    crlShards: fc.constantFrom(0, 2, 3),
    crlDeltaLifetime: fc.constantFrom(0, 3600),
    publicationUrl: fc.constantFrom('http://localhost:5080', 'http://crl.example.org'),
  });
  const weigh = <T>(weight: number, arbitrary: fc.Arbitrary<T>) => ({ weight, arbitrary });
  return fc.oneof(
    weigh(6, fc.record({ kind: is('issue'), node, lifetime: fc.constantFrom(60, 86_400, 1_728_000) })),
    weigh(4, fc.record({ kind: is('revoke'), node, which, reason: fc.constantFrom(...REASONS) })),
    weigh(2, fc.record({ kind: is('release'), node, which })),
    weigh(
      6,
      fc.record({
        kind: is('rollover'),
        node,
        step: fc.constantFrom(...ROLLOVER_STEPS),
        back: fc.boolean(),
        root: seldom,
        which: fc.option(fc.nat(6), { nil: undefined }),
      }),
    ),
    weigh(9, fc.record({ kind: is('advance'), node, root: seldom })),
    weigh(3, fc.record({ kind: is('wait'), seconds: fc.constantFrom(30, 50_000, 2_160_000, 34_560_000) })),
    weigh(2, fc.record({ kind: is('configure'), node, settings })),
    weigh(2, fc.record({ kind: is('backup') })),
    weigh(2, fc.record({ kind: is('restore'), which, isListGone: seldom })),
  );
}

/** A certificate that somebody was given, and why it is revoked; undefined while it is good. */
interface Given extends IssuedCertificate {
  readonly issuer: string;
  readonly reason: Reason | undefined;
}

interface Backup {
  readonly octets: Buffer;
  readonly given: ReadonlyMap<string, Given>;
}

/** A CA on a store that two nodes with settings of their own share, and beside it what must be so. */
export class Operations {
  #given = new Map<string, Given>();
  #backups: readonly Backup[] = [];
  readonly #numbers = new Map<string, string>();
  #nodes: CertificationAuthority[] = [];
  #now = new Date();

  private constructor(
    private readonly newPlace: NewPlace,
    private place: StorePlace,
    private readonly settings: Partial<PkiSettings>[],
  ) {}

  /** Makes the CA. */
  static async open(newPlace: NewPlace): Promise<Operations> {
    const operations = new Operations(newPlace, await newPlace(), [{}, {}]);
    await operations.#openAll();
    return operations;
  }

  async close(): Promise<void> {
    for (const { store, crls } of this.#nodes.splice(0)) {
      crls.close();
      await store.close();
    }
    await this.place.remove();
  }

  /** Does one thing, and everything that a running service would do then. Throws where it lets through what it must not, and anything but a documented refusal. */
  async run(operation: Operation): Promise<void> {
    this.#now = new Date(this.#now.getTime() + 1000);
    await this.#run(operation);
    // Each node once more, for what the other one signed.
    for (const { crls, followIssuers } of [...this.#nodes, ...this.#nodes]) {
      await followIssuers();
      await crls.publishIfDue();
    }
  }

  async #run(operation: Operation): Promise<void> {
    switch (operation.kind) {
      case 'issue': {
        const { ca } = this.#node(operation);
        const { lifetime } = operation;
        const issued = await this.#tried(() =>
          ca.issue({ request: certificationRequest(), lifetime, requester: somebody }),
        );
        if (issued) this.#give(issued, ca.issuing.id);
        return;
      }
      case 'revoke': {
        const given = this.#which(operation.which);
        if (!given) return;
        const { reason } = operation;
        const { serialNumber } = given.certificate;
        await this.#node(operation).ca.revoke({ serialNumber, reason, requester: somebody });
        const isReplaced =
          given.reason === undefined || given.reason === 'certificateHold' || reason === 'keyCompromise';
        if (isReplaced) this.#given.set(serialNumber, { ...given, reason });
        return;
      }
      case 'release': {
        const given = this.#which(operation.which);
        if (!given) return;
        const { serialNumber } = given.certificate;
        const { ca } = this.#node(operation);
        if (await this.#tried(() => ca.release({ serialNumber, requester: somebody })))
          this.#given.set(serialNumber, { ...given, reason: undefined });
        return;
      }
      case 'rollover':
        return this.#take(operation, { ...operation, issuer: this.#idOf(operation.which) });
      case 'advance':
        return this.#take(operation, { step: this.#next(operation.root), root: operation.root });
      case 'wait':
        this.#now = new Date(this.#now.getTime() + operation.seconds * 1000);
        return;
      case 'configure':
        this.settings[operation.node] = operation.settings;
        return this.#open(operation.node);
      case 'backup':
        this.#backups = [...this.#backups, { octets: await this.#backUp(), given: new Map(this.#given) }];
        return;
      case 'restore':
        return this.#restore(operation);
    }
  }

  /** Takes a step, and once more: then it changes nothing. */
  async #take({ node }: { readonly node: number }, step: Omit<RolloverRequest, 'requester'>): Promise<void> {
    const { rollover } = this.#node({ node });
    const taken = await this.#tried(() => rollover.take({ ...step, requester: somebody }));
    if (!taken) return;
    const before = await this.#rows();
    const again = await this.#tried(() => rollover.take({ ...step, requester: somebody }));
    if (again?.already === false || (await this.#rows()) !== before)
      throw new Error(`${JSON.stringify(step)} was taken for another CA the second time`);
  }

  /** The step that comes next where an operator goes through with it. */
  #next(root: boolean): RolloverRequest['step'] {
    const line = this.#nodes[0]!.ca.authorities.filter(({ role }) => role === (root ? 'root' : 'issuing'));
    const active = line.findIndex(({ state }) => state === 'active');
    const has = (wanted: string, of: typeof line): boolean => of.some(({ state }) => state === wanted);
    const [older, newer] = [line.slice(0, active), line.slice(active)];
    if (has('prepared', newer)) return 'publish';
    if (has('published', newer)) return 'activate';
    if (has('published', older)) return 'retire';
    return has('retired', older) ? 'remove' : 'prepare';
  }

  /** What comes of it; undefined when it was refused, which changes no row. */
  async #tried<T>(work: () => Promise<T>): Promise<T | undefined> {
    const before = await this.#rows();
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof PkiError)) throw error;
      if ((await this.#rows()) !== before)
        throw new Error(`refused with ${error.code}, and not as before`, { cause: error });
      return undefined;
    }
  }

  #give(issued: IssuedCertificate, issuer: string): void {
    const { serialNumber } = issued.certificate;
    if (this.#given.has(serialNumber)) throw new Error(`the serial number ${serialNumber} was given twice`);
    this.#given.set(serialNumber, { ...issued, issuer, reason: undefined });
  }

  async #backUp(): Promise<Buffer> {
    const pieces: Uint8Array[] = [];
    const { store, settings } = this.#nodes[0]!;
    await backUp({ store, settings, requester: somebody, now: this.#clock }, async ({ octets }) => {
      for await (const piece of octets) pieces.push(piece);
    });
    return Buffer.concat(pieces);
  }

  /** Into a place of its own, compared with the lists of the one before, which is gone then. */
  async #restore({ which, isListGone }: Operation & { readonly kind: 'restore' }): Promise<void> {
    const backup = this.#backups[which % Math.max(1, this.#backups.length)];
    if (!backup) return;
    const place = await this.newPlace('nothing');
    const [from, to] = [this.#settingsAt(0), temporarySettings(place.folder)];
    mkdirSync(to.directory, { recursive: true, mode: 0o700 });
    copyFileSync(from.passphraseFile, to.passphraseFile);
    const published = isListGone ? [] : listsIn(from.crlDirectory!);
    if (!isListGone) cpSync(from.crlDirectory!, to.crlDirectory!, { recursive: true });
    const store = await openStore({ ...place.options, bare: true });
    let files: readonly BackupFile[] = [];
    const prepare = (prepared: readonly BackupFile[]): void => void (files = prepared);
    const [requester, now] = [somebody, this.#clock];
    // A CA that was prepared when the backup was made may have no list.
    const isRestored = await restore(await BackupReader.open(inPieces(backup.octets)), {
      ...{ store, settings: to, published, apply: true, withoutCrl: true, requester, now, prepare },
    })
      .then(() => true)
      .catch((error: unknown) => {
        // A list of a CA that was made after the backup.
        if (error instanceof PkiError && error.code === 'published_crl_not_accepted') return false;
        throw error;
      })
      .finally(() => store.close());
    if (!isRestored) return place.remove();
    for (const { file, contents } of files) writeFileSync(join(to.directory, file), contents, { mode: 0o600 });
    const listed = new Map<string, Reason>();
    for (const { id } of this.#nodes[0]!.ca.authorities)
      for (const [serial, reason] of await this.#listed(this.#nodes[0]!, id)) listed.set(serial, reason);
    await this.close();
    this.place = place;
    this.#given = new Map(
      [...backup.given].map(([serial, given]) => {
        const reason = isListGone ? undefined : listed.get(serial);
        return [serial, { ...given, reason: reason ?? given.reason }];
      }),
    );
    // What was backed up of the store that is gone may know more than this one.
    this.#backups = this.#backups.slice(0, this.#backups.indexOf(backup) + 1);
    await this.#openAll();
  }

  /** Throws where a node, a list, the inventory or the record is not as it must be. */
  async check(): Promise<void> {
    for (const node of this.#nodes) {
      await node.registry.refresh();
      for (const { id } of node.ca.authorities) await this.#checkLists(node, id);
      this.#checkCertificates(node);
    }
    const { ca, audit } = this.#nodes[0]!;
    let [cursor, inventory]: [string | undefined, number] = [undefined, 0];
    do {
      const page = await ca.list({ cursor, limit: 100 });
      for (const { serial, status, revocation_reason: reason } of page.rows) {
        const given = this.#given.get(serial);
        if (!given) continue;
        inventory++;
        if ((status === 'revoked') !== (given.reason !== undefined) || reason !== (given.reason ?? null))
          throw new Error(`the inventory has ${serial} as ${status} (${reason}), and not ${given.reason}`);
      }
      cursor = page.next;
    } while (cursor !== undefined);
    if (inventory !== this.#given.size)
      throw new Error(`of ${this.#given.size} certificates the inventory has ${inventory}`);
    const verdict = await audit.verify();
    if (!verdict.ok) throw new Error(`row ${verdict.sequence} of the record is ${verdict.problem}`);
  }

  /** All revocations of the CA are on its lists, and nothing else; no number is used twice. */
  async #checkLists(node: CertificationAuthority, id: string): Promise<void> {
    const { certificate, state } = node.ca.authorities.find((each) => each.id === id)!;
    for (const list of node.crls.served.filter(({ issuer }) => issuer === id)) {
      const { tbs, signature, signatureAlgorithm } = decodeCertificateList(await readPublished(list));
      if (!verifySignature(signatureAlgorithm, certificate.publicKey, tbs, signature))
        throw new Error(`list ${list.number} of ${id} is not signed by it`);
      const key = `${certificate.fingerprint256} ${list.number}`;
      const is = `${list.scope} ${list.sha256}`;
      if ((this.#numbers.get(key) ?? is) !== is) throw new Error(`the number ${list.number} of ${id} is used twice`);
      this.#numbers.set(key, is);
    }
    if (state === 'prepared' || !node.crls.current(id)) return;
    const listed = await this.#listed(node, id);
    for (const [serial, { issuer, certificate: of, reason }] of this.#given)
      if (issuer === id && of.notAfter > this.#now && listed.get(serial) !== reason)
        throw new Error(`the lists of ${id} say ${listed.get(serial)} of ${serial}, and not ${reason}`);
  }

  /** Who is revoked by the lists of a CA that a node serves: the complete one, and on top of it the delta. */
  async #listed({ crls }: CertificationAuthority, id: string): Promise<ReadonlyMap<string, Reason>> {
    const listed = new Map<string, Reason>();
    const [complete, delta] = [
      crls.current(id),
      crls.served.find((each) => each.issuer === id && each.scope === 'delta'),
    ];
    for (const list of [complete, delta && delta.number > (complete?.number ?? 0) ? delta : undefined]) {
      if (!list) continue;
      for (const { serialNumber, reason } of decodeCertificateList(await readPublished(list)).revokedCertificates())
        if (reason === CrlReason.removeFromCRL) listed.delete(serialNumber);
        else
          listed.set(
            serialNumber,
            REASONS.find((name) => CrlReason[name] === reason)!,
          );
    }
    return listed;
  }

  /** Who trusts the published roots alone trusts what is good, and the guard refuses what is revoked. */
  #checkCertificates({ ca, registry }: CertificationAuthority): void {
    const bundle = decodePem(readFileSync(join(this.place.folder, 'certs/ca_bundle.pem')));
    const roots = new Set(
      ca.authorities.flatMap(({ role, certificate }) => (role === 'root' ? [certificate.fingerprint256] : [])),
    );
    const anchors = bundle
      .map(({ octets }) => decodeCertificate(octets))
      .filter(({ fingerprint256 }) => roots.has(fingerprint256));
    for (const { certificate: leaf, chain, issuer, reason } of this.#given.values()) {
      const authority = ca.authorities.find(({ id }) => id === issuer)!;
      const { status } = registry.statusOf(authority.certificate, leaf.serialNumber);
      if ((status === 'revoked') !== (reason !== undefined))
        throw new Error(`the guard has ${leaf.serialNumber} as ${status}`);
      if (reason !== undefined || leaf.notAfter <= this.#now) continue;
      const verdict = validateCertificatePath({ leaf, intermediates: chain.slice(1), anchors, time: this.#now });
      if (!verdict.ok)
        throw new Error(`${leaf.serialNumber} of ${issuer}, which is ${authority.state}, is not trusted`);
    }
  }

  #settingsAt(node: number): PkiSettings {
    return { ...temporarySettings(this.place.folder), ...this.settings[node] };
  }

  readonly #clock = (): Date => new Date(this.#now);

  async #openAll(): Promise<void> {
    for (const node of this.settings.keys()) await this.#open(node);
  }

  async #open(node: number): Promise<void> {
    await this.#nodes[node]?.store.close();
    this.#nodes[node]?.crls.close();
    const store = await openStore(this.place.options);
    // A time that is simulated is the database's as well.
    Object.assign(store, { clock: () => Promise.resolve(undefined) });
    this.#nodes[node] = await openCertificationAuthority({
      ...{ settings: this.#settingsAt(node), store, create: true, now: this.#clock, unreadLimit: Infinity },
    });
  }

  #node({ node }: { readonly node: number }): CertificationAuthority {
    return this.#nodes[node]!;
  }

  #which(which: number): Given | undefined {
    return [...this.#given.values()].at(-1 - (which % Math.max(1, this.#given.size)));
  }

  #idOf(which: number | undefined): string | undefined {
    const { authorities } = this.#nodes[0]!.ca;
    return which === undefined ? undefined : authorities[which % authorities.length]?.id;
  }

  /** Every row but those of the record, where an attempt may stand. */
  async #rows(): Promise<string> {
    return rowsOf(this.#nodes[0]!.store);
  }
}

async function rowsOf({ database }: Store): Promise<string> {
  const lines: string[] = [];
  for (const shape of await tableShapes(database))
    if (!shape.name.startsWith('audit'))
      for await (const rows of tablePages(database, shape))
        lines.push(...rows.map((row) => JSON.stringify([shape.name, row])));
  return lines.sort().join('\n');
}

const listsIn = (folder: string): PublishedList[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.crl'))
    .map((name) => ({ source: name, octets: readFileSync(join(folder, name)), found: true }));

async function* inPieces(octets: Buffer): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(octets);
}
