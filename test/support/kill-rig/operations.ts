import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { COMMANDS, folderOf, prepareCommands, runCommand } from './commands.js';
import { prepareService, serve, serveAgain } from './service.js';
import { PendingFile } from '../../../src/commands/pending-file.js';
import { encryptForAge } from '../../../src/pki/backup/age-file.js';
import { backUp } from '../../../src/pki/backup/backup-writer.js';
import { openCertificationAuthority, type CertificationAuthority } from '../../../src/pki/certification-authority.js';
import { createDevelopmentMaterial } from '../../../src/pki/development/development-material.js';
import { requestFor } from '../../../src/pki/issuance/own-request.js';
import type { PkiSettings } from '../../../src/pki/pki-settings.js';
import { ROLLOVER_STEPS } from '../../../src/pki/rollover/rollover-plan.js';
import type { RolloverRequest } from '../../../src/pki/rollover/rollover.service.js';
import { listCertificates, openStore, type StoreOptions } from '../../../src/store/index.js';

/** Something that was done, and of which somebody was told. */
export type Acknowledged =
  | { readonly kind: 'issued'; readonly serial: string; readonly fingerprint: string }
  | { readonly kind: 'revoked'; readonly serial: string }
  | { readonly kind: 'crl'; readonly issuer: string; readonly number: number }
  | { readonly kind: 'backup'; readonly file: string }
  /** Which of the commands. */
  | { readonly kind: 'command'; readonly turn: number }
  /** An entry of the registry at a version, `removed` where there is none any more. */
  | { readonly kind: 'registered'; readonly version: number; readonly state: string }
  /** The certificate that a daemon has put in the place of the one before. */
  | { readonly kind: 'renewed'; readonly serial: string }
  | { readonly kind: 'rollover' | 'migrated' | 'started' };

/** What a process of the rig has to work on. */
export interface Work {
  readonly store: StoreOptions;
  readonly settings: PkiSettings;
  /** How often; absent: until it is killed. */
  readonly times?: number | undefined;
  /** Which turn the first one is: of a rollover, how many steps were taken before. */
  readonly from: number;
}

export type Acknowledge = (what: Acknowledged) => void;

/** One kind of work that is killed in the middle. */
export interface Operation {
  /** What it begins on: nothing at all, a CA with its first lists, one that has issued a certificate besides, or the store of an earlier version. */
  readonly on: 'nothing' | 'authority' | 'certificate' | 'earlier version';
  /** How many turns there are that differ; 1 when absent, and of a migration as many as there were versions. */
  readonly turns?: number;
  /** A random kill comes within so many milliseconds of the beginning, or of the first acknowledgement. */
  readonly span: number;
  /** In the process that is killed: works, and acknowledges what it did once that has returned. */
  readonly run: (work: Work, acknowledge: Acknowledge) => Promise<void>;
  /** In the process that opens the CA next: what was cut short is done, which no loss may prevent. Absent: there is no CA in that store. */
  readonly goOn?: (authority: CertificationAuthority, turn: number, work: Omit<Work, 'from'>) => Promise<void>;
  /** What is done to the place before a turn. */
  readonly before?: (work: Omit<Work, 'from'>, turn: number) => Promise<void> | void;
}

const requester = { actor: 'kill-rig', requestId: 'kill-rig' };
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const request = requestFor(privateKey, 'orders');

/** As a service or a command begins. */
const opened = async ({ store, settings }: Work): Promise<CertificationAuthority> =>
  openCertificationAuthority({ settings, store: await openStore(store), create: true, requester });

/** Opens the CA and takes one turn after the other. */
const inTurns =
  (
    take: (authority: CertificationAuthority, acknowledge: Acknowledge, turn: number) => Promise<void>,
  ): Operation['run'] =>
  async (work, acknowledge) => {
    const authority = await opened(work);
    const end = work.from + (work.times ?? Number.POSITIVE_INFINITY);
    for (let turn = work.from; turn < end; turn++) await take(authority, acknowledge, turn);
  };

export async function issue({ ca }: CertificationAuthority, acknowledge: Acknowledge): Promise<string> {
  const { certificate } = await ca.issue({ request, requester });
  acknowledge({ kind: 'issued', serial: certificate.serialNumber, fingerprint: certificate.fingerprint256 });
  return certificate.serialNumber;
}

async function revoke(authority: CertificationAuthority, acknowledge: Acknowledge): Promise<void> {
  const wanted = { status: 'active', service: 'orders', limit: 1, now: new Date() } as const;
  const { rows } = await listCertificates(authority.store.database, wanted);
  const serial = rows[0]?.serial ?? (await issue(authority, acknowledge));
  await authority.ca.revoke({ serialNumber: serial, reason: 'superseded', requester });
  acknowledge({ kind: 'revoked', serial });
}

/** The issuing CA, then the root with it, and so on. */
const rolloverAt = (turn: number): RolloverRequest => ({
  step: ROLLOVER_STEPS[turn % ROLLOVER_STEPS.length] ?? 'prepare',
  root: Math.floor(turn / ROLLOVER_STEPS.length) % 2 === 1,
  requester,
});

/** Nobody's but this rig's. */
export const BACKUP_IDENTITY = 'AGE-SECRET-KEY-1RYRQ27PZWGJ6ZAX4AUV66Z95FKCGE3WR53W0WWSMNDXRDV68WKHS9MX945';
const RECIPIENT = 'age1wq3tjdly37pxz6luwtzxnurpvq8xfm8tlzp4p2p4uhj0hm8943zqcyv9aq';
/** Where backups are put: an operator's folder, which no start sweeps. */
export const backupsOf = ({ directory }: Pick<PkiSettings, 'directory'>): string =>
  join(dirname(dirname(directory)), 'backups');

async function backup({ store, settings }: CertificationAuthority): Promise<string> {
  const folder = backupsOf(settings);
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${randomUUID()}.age`);
  await backUp({ store, settings, requester, now: () => new Date() }, async ({ octets }) => {
    const file = new PendingFile(path, 0o600);
    try {
      for await (const piece of await encryptForAge(octets, { recipient: RECIPIENT })) file.write(piece);
      file.placeAnew();
    } finally {
      file.discard();
    }
  });
  return path;
}

async function start(authority: CertificationAuthority): Promise<void> {
  await createDevelopmentMaterial(authority);
  await authority.crls.publishIfDue(requester);
}

function prepareCommand(work: Omit<Work, 'from'>, turn: number): void {
  prepareCommands(work);
  COMMANDS[turn]?.before?.(folderOf(work));
}

/** Gives a command, for the first time or again. Throws when it is refused for another reason than that it was done. */
async function giveCommand(work: Omit<Work, 'from'>, turn: number): Promise<void> {
  const command = COMMANDS[turn];
  if (!command) return;
  command.before?.(folderOf(work));
  const { code, err } = await runCommand(work, command.args);
  const isOver = command.over !== undefined && err.includes(`[${command.over}]`);
  if (code !== 0 && !isOver) throw new Error(`veritas ${command.args.join(' ')}: ${err}`);
}

/** What is killed. Another entry is all that another kind of work takes. */
export const OPERATIONS = {
  issue: {
    on: 'authority',
    span: 120,
    run: inTurns(async (authority, acknowledge) => {
      await issue(authority, acknowledge);
    }),
    goOn: async ({ ca }) => {
      await ca.issue({ request, requester });
    },
  },
  revoke: {
    on: 'certificate',
    span: 120,
    run: inTurns(revoke),
    goOn: (authority) => revoke(authority, () => undefined),
  },
  crl: {
    on: 'certificate',
    span: 120,
    run: inTurns(async (authority, acknowledge) => {
      await revoke(authority, acknowledge);
      for (const { issuer, number } of await authority.crls.publishIfDue(requester))
        acknowledge({ kind: 'crl', issuer, number });
    }),
    goOn: async ({ crls }) => {
      await crls.publishIfDue(requester);
    },
  },
  backup: {
    on: 'certificate',
    span: 120,
    run: inTurns(async (authority, acknowledge) => {
      acknowledge({ kind: 'backup', file: await backup(authority) });
    }),
    goOn: async (authority) => {
      await backup(authority);
    },
  },
  rollover: {
    on: 'authority',
    turns: 2 * ROLLOVER_STEPS.length,
    span: 700,
    run: inTurns(async ({ rollover }, acknowledge, turn) => {
      await rollover.take(rolloverAt(turn));
      acknowledge({ kind: 'rollover' });
    }),
    goOn: async ({ rollover }, turn) => {
      await rollover.take(rolloverAt(turn));
    },
  },
  migration: {
    on: 'earlier version',
    span: 100,
    run: async ({ store }, acknowledge) => {
      await openStore(store);
      acknowledge({ kind: 'migrated' });
    },
  },
  start: {
    on: 'nothing',
    span: 1200,
    run: async (work, acknowledge) => {
      await start(await opened(work));
      acknowledge({ kind: 'started' });
    },
    goOn: start,
  },
  command: {
    on: 'authority',
    turns: COMMANDS.length,
    span: 700,
    before: prepareCommand,
    run: async (work, acknowledge) => {
      const end = Math.min(COMMANDS.length, work.from + (work.times ?? COMMANDS.length));
      for (let turn = work.from; turn < end; turn++) {
        await giveCommand(work, turn);
        acknowledge({ kind: 'command', turn });
      }
    },
    goOn: (_, turn, work) => giveCommand(work, turn),
  },
  service: {
    on: 'authority',
    span: 900,
    before: prepareService,
    run: serve,
    goOn: (_authority, _turn, work) => serveAgain(work),
  },
} as const satisfies Readonly<Record<string, Operation>>;

export type OperationName = keyof typeof OPERATIONS;
