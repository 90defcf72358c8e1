import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { runCommandLine } from '../../../src/commands/index.js';
import type { PkiSettings } from '../../../src/pki/pki-settings.js';
import type { StoreOptions } from '../../../src/store/index.js';
import { TestCa } from '../../../src/testing/test-ca.js';
import { decodeCertificationRequest, octetsFromPemOrDer } from '../../../src/x509/index.js';

/** A command line that is killed. */
export interface KilledCommand {
  readonly args: readonly string[];
  /** Another command, and what is in its answer once this one was done. */
  readonly shows: readonly [args: readonly string[], answer: string];
  /** How it says that there is nothing to do any more, where that is a refusal. */
  readonly over?: string;
  /** What has to be there before it begins. */
  readonly before?: (folder: string) => void;
}

/** Where a command works. */
export interface Where {
  readonly store: StoreOptions;
  readonly settings: PkiSettings;
}

/** What an operator keeps for himself, which no start sweeps: a folder in that of the place. */
export const OWN = 'own';
/** The folder of a place, above that of its keys. */
export const folderOf = ({ settings: { directory } }: Pick<Where, 'settings'>): string => dirname(dirname(directory));
const STORE_URL = 'store-url';

/** What the commands of a place begin with: their own folder, and where their store is. */
export function prepareCommands(where: Where): void {
  const folder = folderOf(where);
  mkdirSync(join(folder, OWN), { recursive: true });
  if (where.store.url !== undefined) writeFileSync(join(folder, STORE_URL), where.store.url, { mode: 0o600 });
}

/** What a command says, and how it ends. */
export interface Said {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** The settings of a place, for commands and for the service. */
export function environmentOf(where: Where): Record<string, string> {
  const folder = folderOf(where);
  const { directory, passphraseFile } = where.settings;
  return {
    VERITAS_STORE_PATH: join(folder, 'var/veritas.db'),
    VERITAS_PKI_DIRECTORY: directory,
    VERITAS_PKI_PASSPHRASE_FILE: passphraseFile,
    VERITAS_TLS_CERTIFICATE_FILE: join(folder, 'certs/server_cert.pem'),
    VERITAS_TLS_KEY_FILE: join(folder, 'certs/server_key.pem'),
    VERITAS_TLS_CA_FILE: join(folder, 'certs/ca_bundle.pem'),
    ...(where.store.url === undefined ? {} : { VERITAS_STORE_URL_FILE: join(folder, STORE_URL) }),
  };
}

/** Runs a command line, by a clock of its own where one is given; `heard` is told each line of its result as it comes. */
export async function runCommand(
  where: Where,
  args: readonly string[],
  {
    now = () => new Date(),
    heard = () => undefined,
  }: { readonly now?: () => Date; readonly heard?: (line: string) => void } = {},
): Promise<Said> {
  const folder = folderOf(where);
  let [out, err] = ['', ''];
  const code = await runCommandLine(
    args.map((each) => (each.startsWith(`${OWN}/`) ? join(folder, each) : each)),
    {
      streams: {
        out: (text) => {
          out += text;
          heard(text);
        },
        err: (text) => void (err += text),
      },
      environment: environmentOf(where),
      input: () => Readable.from([]),
      version: '0.0.0-kill-rig',
      now,
    },
  );
  return { code, out, err };
}

const state = (id: string, wanted: string): KilledCommand['shows'] => [
  ['ca', 'show', '--json'],
  `"id":"${id}","role":"${id.replace(/-\d+$/, '')}","state":"${wanted}"`,
];
const entry = (wanted: string): KilledCommand['shows'] => [
  ['services', 'show', 'orders', '--json'],
  `"state":"${wanted}"`,
];
const rollover = (step: string, id: string, wanted: string): KilledCommand => ({
  args: ['ca', 'rollover', ...step.split(' ')],
  shows: state(id, wanted),
});

/** One after the other: each begins on what the one before it left. Files are named from the folder of the place. */
export const COMMANDS: readonly KilledCommand[] = [
  { args: ['services', 'allow', 'orders', '--note', 'new'], shows: entry('allowed') },
  { args: ['services', 'shadow', 'orders'], shows: entry('shadow') },
  { args: ['services', 'deny', 'orders'], shows: entry('denied') },
  {
    args: ['services', 'remove', 'orders'],
    shows: [['services', 'history', 'orders', '--json'], '"terms":null'],
    over: 'service_unknown',
  },
  {
    args: ['token', '--service', 'orders'],
    shows: [['audit', 'export'], '"action":"token.create"'],
  },
  { args: ['token', '--service', 'orders', '--end'], shows: [['audit', 'export'], '"action":"token.end"'] },
  rollover('prepare', 'issuing-2', 'prepared'),
  rollover('prepare --back', 'issuing-2', 'removed'),
  rollover('prepare', 'issuing-3', 'prepared'),
  rollover('publish', 'issuing-3', 'published'),
  rollover('publish --back', 'issuing-3', 'prepared'),
  rollover('publish', 'issuing-3', 'published'),
  rollover('activate', 'issuing-3', 'active'),
  rollover('activate --back', 'issuing', 'active'),
  rollover('activate', 'issuing-3', 'active'),
  rollover('retire', 'issuing', 'retired'),
  rollover('retire --back', 'issuing', 'published'),
  { args: ['ca', 'request', '--out', `${OWN}/issuing.csr`], shows: [['audit', 'export'], '"action":"issuer.request"'] },
  {
    before: answerRequest,
    args: ['ca', 'install', '--cert', `${OWN}/issuing.pem`, '--root', `${OWN}/root.pem`, '--crl', `${OWN}/root.crl`],
    shows: state('issuing-4', 'prepared'),
  },
  { args: ['audit', 'export', '--out', `${OWN}/audit.jsonl`], shows: [['audit', 'verify', '--json'], '"ok":true'] },
];

/** The root's answer, in files. */
function answerRequest(folder: string): void {
  const path = (name: string): string => join(folder, OWN, name);
  if (existsSync(path('root.crl'))) return;
  const root = TestCa.root({ commonName: 'Offline Root' });
  const [octets] = octetsFromPemOrDer(readFileSync(path('issuing.csr')), 'CERTIFICATE REQUEST');
  const { publicKey, subject } = decodeCertificationRequest(octets);
  const keyPair = { publicKey: publicKey.keyObject, privateKey: root.key };
  writeFileSync(path('issuing.pem'), root.intermediate({ keyPair, subject, pathLenConstraint: 0 }).certificatePem);
  writeFileSync(path('root.pem'), root.certificatePem);
  writeFileSync(path('root.crl'), root.crl());
}
