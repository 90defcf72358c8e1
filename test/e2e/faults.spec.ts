import { execFileSync } from 'node:child_process';
import { hash } from 'node:crypto';
import { once } from 'node:events';
import {
  cpSync,
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  statSync,
  truncateSync,
  writeFileSync,
  chmodSync,
} from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { CrlService, CaService } from '../../src/pki/index.js';
import { ConfigurationError } from '../../src/configuration/index.js';
import { AuditLog } from '../../src/audit/index.js';
import { sentenceOf, welcome } from '../../src/service-process.js';
import { decodeCertificateList } from '../../src/x509/index.js';
import { listIssuers, openStore, takeCrlNumber } from '../../src/store/index.js';
import { commandLine, type Run } from '../support/command-line.js';
import { callerOf, csrOf, newKey, send, type Caller } from '../support/certificate-client.js';
import { get } from '../support/client.js';
import { temporaryFolder } from '../support/folder.js';
import { describeWithMounts, fillDisk, mountDisk, mountReadOnly } from '../support/mounts.js';
import { configurationIn, environmentIn, getPlain, startIn } from '../support/service.js';

type Service = Awaited<ReturnType<typeof startIn>>;

let template: string;
beforeAll(async () => {
  const service = await startIn();
  await service.close();
  template = service.folder;
});

/** A folder in which a service has run, at `folder` or a new place. */
function usedFolder(folder = temporaryFolder()): string {
  cpSync(template, folder, { recursive: true });
  for (const name of ['certs', 'certs/ca']) chmodSync(join(folder, name), 0o700);
  return folder;
}

const commandIn = (folder: string, args: readonly string[], more: Record<string, string> = {}): Promise<Run> =>
  commandLine(args, environmentIn(folder, more));

const issueIn = (folder: string, more: Record<string, string> = {}) =>
  commandIn(
    folder,
    ['issue', '--service', 'orders', '--cert', join(folder, 'orders.pem'), '--key', join(folder, 'orders.key')],
    more,
  );

/** What somebody reads who starts the service there. */
async function sentenceAtStart(folder: string, more: Record<string, string> = {}): Promise<string> {
  try {
    const service = await startIn(folder, more);
    await service.close();
    return 'started';
  } catch (error) {
    return sentenceOf(error, error instanceof ConfigurationError ? undefined : configurationIn(folder, more));
  }
}

const inFolder =
  (work: (path: (name: string) => string) => void) =>
  (folder: string): void => {
    work((name) => join(folder, name));
  };

const garbage = (name: string) =>
  inFolder((path) => {
    writeFileSync(path(name), 'garbage', { mode: 0o600 });
  });

/** The first page of a table or an index, as it is in the file or as it becomes with `contents`. */
function firstPage(path: string, name: string, contents?: Uint8Array): Buffer {
  const sqlite = new DatabaseSync(path);
  const found = sqlite.prepare('select rootpage from sqlite_schema where name = ?').get(name);
  sqlite.close();
  const end = Number(found?.rootpage) * 4096;
  const octets = readFileSync(path);
  if (contents) {
    octets.set(contents, end - 4096);
    writeFileSync(path, octets);
  }
  return octets.subarray(end - 4096, end);
}

interface Fault {
  readonly name: string;
  readonly cause: (folder: string) => void;
  /** What both say, but for what to do. */
  readonly says: RegExp;
  readonly mend: RegExp;
  /** What is not needed at the command line. */
  readonly serviceOnly?: boolean;
  /** The store itself is damaged, and nothing is written to it; elsewhere the record has what was intended. */
  readonly inStore?: boolean;
}

const faults: readonly Fault[] = [
  {
    name: 'a wrong passphrase',
    cause: inFolder((path) => {
      writeFileSync(path('certs/ca/passphrase'), 'wrong\n');
    }),
    says: /ca\.key\.pem is not an encrypted PKCS#8 key, or the passphrase in \S+passphrase does not open it/,
    mend: /put the file back: those of the CA are named by pki\.directory and pki\.passphraseFile/,
  },
  {
    name: 'a key file that is cut short',
    cause: inFolder((path) => {
      truncateSync(path('certs/ca/issuing_ca.key.pem'), 200);
    }),
    says: /issuing_ca\.key\.pem is not an encrypted PKCS#8 key/,
    mend: /put the file back/,
  },
  {
    name: 'a key file that others may read',
    cause: inFolder((path) => {
      chmodSync(path('certs/ca/issuing_ca.key.pem'), 0o644);
    }),
    says: /pki\.directory: \S+issuing_ca\.key\.pem is open to others than its owner/,
    mend: /chmod 600/,
  },
  {
    name: 'a passphrase file that others may read',
    cause: inFolder((path) => {
      chmodSync(path('certs/ca/passphrase'), 0o644);
    }),
    says: /pki\.passphraseFile: \S+passphrase is open to others than its owner/,
    mend: /chmod 600/,
  },
  {
    name: 'a server key that others may read',
    cause: inFolder((path) => {
      chmodSync(path('certs/server_key.pem'), 0o644);
    }),
    says: /pki\.autoSetup: \S+server_key\.pem is open to others than its owner/,
    mend: /chmod 600/,
    serviceOnly: true,
  },
  {
    name: 'a server key that is none',
    cause: garbage('certs/server_key.pem'),
    says: /pki\.autoSetup: \S+server_key\.pem is not an unencrypted private key/,
    mend: /put the file back/,
    serviceOnly: true,
  },
  {
    name: 'a passphrase that is gone',
    cause: inFolder((path) => {
      rmSync(path('certs/ca/passphrase'));
    }),
    says: /passphrase cannot be read \(ENOENT\)/,
    mend: /put the file back/,
  },
  {
    name: 'a store that is no database',
    cause: inFolder((path) => {
      writeFileSync(path('var/veritas.db'), Buffer.alloc(8192, 'garbage'));
    }),
    says: /the store \S+veritas\.db is not a sound database/,
    mend: /restore a backup/,
    inStore: true,
  },
  {
    name: 'a store with damaged pages',
    cause: inFolder((path) => {
      const pages = readFileSync(path('var/veritas.db'));
      for (let at = 8192; at < pages.length; at += 4096) pages.fill(0x5a, at, at + 2048);
      writeFileSync(path('var/veritas.db'), pages);
    }),
    says: /the store \S+veritas\.db is not a sound database/,
    mend: /restore a backup/,
    inStore: true,
  },
  {
    name: 'a store with one damaged page that nothing needs at the start',
    cause: inFolder((path) => {
      firstPage(path('var/veritas.db'), 'service_shadow_by_last_at', Buffer.alloc(4096));
    }),
    says: /the store \S+veritas\.db is not a sound database/,
    mend: /restore a backup/,
    inStore: true,
    serviceOnly: true,
  },
  {
    name: 'the database of another program',
    cause: inFolder((path) => {
      for (const suffix of ['', '-wal', '-shm']) rmSync(path(`var/veritas.db${suffix}`), { force: true });
      const other = new DatabaseSync(path('var/veritas.db'));
      other.exec('create table certificate (id integer primary key); create table migration (id integer primary key)');
      other.close();
    }),
    says: /the store \S+veritas\.db is the database of another program/,
    mend: /name another file \(store\.path names it\)/,
    inStore: true,
  },
  {
    name: 'a server certificate that is none',
    cause: garbage('certs/server_cert.pem'),
    says: /server_cert\.pem holds no certificate that can be read/,
    mend: /put it back, or take it away to have it made again/,
    serviceOnly: true,
  },
];

describe('what is broken when it starts', () => {
  test.each(faults)(
    '$name: one sentence that names it and the mend, and nothing changes',
    async ({ cause, says, mend, serviceOnly, inStore }) => {
      const folder = usedFolder();
      cause(folder);
      const changing = inStore ? /-(?:wal|shm)$/ : /veritas\.db/;
      const before = contentsOf(folder, changing);
      const sentence = await sentenceAtStart(folder);
      expect(sentence).toMatch(says);
      expect(sentence).toMatch(mend);
      expect(sentence).not.toMatch(/\n|\bat .+:\d+/);
      if (!serviceOnly) {
        const { code, out, err } = await issueIn(folder);
        expect([code, out]).toEqual([3, '']);
        expect(err).toMatch(says);
        expect(err).toMatch(mend);
        expect(err.trimEnd()).not.toContain('\n');
      }
      expect(contentsOf(folder, changing)).toEqual(before);
    },
  );

  test('a disk that lost a page of an index: no backup is made that cannot be restored', async () => {
    const folder = usedFolder();
    const path = join(folder, 'var/veritas.db');
    const index = 'sqlite_autoindex_certificate_1';
    const before = firstPage(path, index);
    expect((await issueIn(folder)).code).toBe(0);
    firstPage(path, index, before);
    const [out, passphrase] = [join(folder, 'veritas.age'), join(folder, 'passphrase')];
    writeFileSync(passphrase, 'nine words that nobody else has thought of yet', { mode: 0o600 });
    const run = await commandIn(folder, ['backup', '--out', out, '--passphrase-file', passphrase]);
    expect(run).toMatchObject({
      code: 3,
      out: '',
      err: expect.stringMatching(
        /^veritas: the store \S+veritas\.db is not a sound database: restore a backup \[store_corrupt\]\n$/,
      ),
    });
    expect(readdirSync(folder).filter((name) => name.includes('veritas.age'))).toEqual([]);
  });

  test('a store from before its last list: nothing that the list revokes is called good again', async () => {
    const folder = usedFolder();
    const path = join(folder, 'var/veritas.db');
    const files = () => ['veritas.db', 'crl/issuing.crl'].map((name) => readFileSync(join(folder, 'var', name)));
    const [before] = files();
    expect((await commandIn(folder, ['revoke', '--service', 'veritas-client'])).code).toBe(0);
    for (const suffix of ['', '-wal', '-shm']) rmSync(path + suffix, { force: true });
    writeFileSync(path, before ?? '', { mode: 0o600 });
    const there = files();
    const says =
      /the store \S+veritas\.db is older than the list 2 of issuing in \S+issuing\.crl, as it knows none above 1: .*restore a backup/;
    expect(await sentenceAtStart(folder)).toMatch(says);
    for (const args of [['crl'], ['ocsp', '1'], ['revoke', '--service', 'veritas.local']])
      expect(await commandIn(folder, args)).toMatchObject({ code: 3, out: '', err: expect.stringMatching(says) });
    expect(files()).toEqual(there);
    rmSync(join(folder, 'var/crl/issuing.crl'));
    expect(await sentenceAtStart(folder)).toBe('started');
  });

  test('a list of somebody else, or none, in the place of a list: it is replaced', async () => {
    const folder = usedFolder();
    const list = join(folder, 'var/crl/issuing.crl');
    const other = usedFolder();
    await commandIn(other, ['crl']);
    const octets = readFileSync(join(other, 'var/crl/issuing.crl'));
    const changed = Buffer.from(octets);
    changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1;
    const own = readFileSync(list);
    for (const each of [changed, Buffer.from('garbage')]) {
      writeFileSync(list, each);
      expect(await sentenceAtStart(folder)).toBe('started');
      expect(readFileSync(list)).toEqual(own);
    }
  });

  // root, as whom tests run in containers, may look into every folder: a link that leads to itself is another way to be there unseen.
  const unseen = inFolder((path) => {
    rmSync(path('certs/ca'), { recursive: true });
    symlinkSync('ca', path('certs/ca'));
  });

  test('keys that cannot be looked at are not said to be gone', async () => {
    const folder = usedFolder();
    unseen(folder);
    const says = /certs\/ca\/root_ca\.key\.pem cannot be read \(ELOOP\)/;
    expect(await sentenceAtStart(folder)).toMatch(says);
    expect(await issueIn(folder)).toMatchObject({ code: 3, err: expect.stringMatching(says) });
  });

  test('an empty store beside lists that cannot be looked at: the CA does not begin anew', async () => {
    const folder = usedFolder();
    for (const suffix of ['', '-wal', '-shm']) rmSync(join(folder, `var/veritas.db${suffix}`), { force: true });
    rmSync(join(folder, 'var/crl'), { recursive: true });
    symlinkSync('crl', join(folder, 'var/crl'));
    expect(await sentenceAtStart(folder)).toMatch(
      /cannot tell whether \S+root\.crl exists, which would have been signed before the store \S+ was made \(ELOOP\)/,
    );
  });

  test('a file or an address that a setting names: the sentence names the setting', async () => {
    const folder = usedFolder();
    writeFileSync(join(folder, 'garbage'), 'garbage');
    const gone = join(folder, 'gone');
    for (const [more, says] of [
      [{ TLS_CA_FILE: folder }, /^tls\.caFile: \S+ is a folder: name a file\.$/],
      [
        { MTLS_INTERMEDIATES_FILE: gone },
        /^mtls\.intermediatesFile: \S+gone cannot be opened \(ENOENT\): name another\.$/,
      ],
      [{ MTLS_INTERMEDIATES_FILE: join(folder, 'garbage') }, /, or mtls\.intermediatesFile: \S+garbage cannot be used/],
      [
        { MTLS_CRLS: JSON.stringify([{ source: 'other.crl', issuer: gone }]) },
        /- mtls\.crls\[0\]\.issuer: \S+gone cannot be read: it does not exist$/,
      ],
      [
        {
          MTLS_SERVICE_FROM: 'cn,spiffe',
          MTLS_TRUST_DOMAINS: JSON.stringify([{ name: 'other.example', bundle: 'b.json', intermediatesFile: folder }]),
        },
        /- mtls\.trustDomains\[0\]\.intermediatesFile: \S+ cannot be read: it is a folder$/,
      ],
      [
        {
          MTLS_SERVICE_FROM: 'cn,spiffe',
          MTLS_TRUST_DOMAINS: JSON.stringify([
            { name: 'other.example', bundle: 'b.json', intermediatesFile: join(folder, 'garbage') },
          ]),
        },
        /^mtls\.trustDomains: the intermediates of other\.example cannot be used: no PEM block CERTIFICATE/,
      ],
      [
        {
          MTLS_SERVICE_FROM: 'cn,spiffe',
          MTLS_TRUST_DOMAINS: JSON.stringify([
            {
              name: 'other.example',
              bundle: 'https://other.example/bundle',
              endpointSpiffeId: 'spiffe://other.example/bundles',
              endpointBundleFile: join(folder, 'garbage'),
            },
          ]),
        },
        /^mtls\.trustDomains: the endpointBundle of other\.example cannot be used: no PEM block CERTIFICATE/,
      ],
      [
        {
          TLS_CERTIFICATE_FILE: join(folder, 'certs/client_cert.pem'),
          TLS_KEY_FILE: join(folder, 'certs/client_key.pem'),
        },
        /^tls\.certificateFile: the certificate of CN=veritas-client,O=VERITAS Framework in \S+client_cert\.pem is not for servers: /,
      ],
      [{ HTTP_HOST: '192.0.2.1' }, /^192\.0\.2\.1 is not an address of this machine \(EADDRNOTAVAIL\): set http\.host/],
    ] as const) {
      const variables = Object.entries(more).map(([name, value]) => [`VERITAS_${name}`, value] as const);
      const sentence = await sentenceAtStart(folder, Object.fromEntries(variables));
      expect(sentence).toMatch(says);
      expect(sentence).not.toMatch(/\bat .+:\d+/);
    }
  });

  test('files that are made elsewhere than the settings look: the sentence names the settings that mend it', async () => {
    const folder = temporaryFolder();
    const more = {
      VERITAS_PKI_DIRECTORY: join(folder, 'elsewhere/ca'),
      VERITAS_PKI_PASSPHRASE_FILE: join(folder, 'elsewhere/ca/passphrase'),
    };
    const made = (name: string): string => join(folder, 'elsewhere', name);
    expect(await sentenceAtStart(folder, more)).toBe(
      `tls.certificateFile: ${join(folder, 'certs/server_cert.pem')} is not there, and is not what \`veritas setup\` makes by pki.directory: set tls.certificateFile to ${made('server_cert.pem')}, tls.keyFile to ${made('server_key.pem')}, tls.caFile to ${made('ca_bundle.pem')}, or name your own.`,
    );
    expect(
      await sentenceAtStart(folder, {
        ...more,
        VERITAS_TLS_CERTIFICATE_FILE: made('server_cert.pem'),
        VERITAS_TLS_KEY_FILE: made('server_key.pem'),
      }),
    ).toMatch(
      /^tls\.caFile: \S+ is not there, and .+: set tls\.caFile to \S+elsewhere\/ca_bundle\.pem, or name your own\.$/,
    );
    const all = { CERTIFICATE: 'server_cert.pem', KEY: 'server_key.pem', CA: 'ca_bundle.pem' };
    const set = Object.entries(all).map(([name, file]) => [`VERITAS_TLS_${name}_FILE`, made(file)] as const);
    expect(await sentenceAtStart(folder, { ...more, ...Object.fromEntries(set) })).toBe('started');
  });

  test.each([
    ['with its certificates', []],
    ['with its keys alone', ['root_ca.pem', 'issuing_ca.pem']],
    ['with its root alone', ['issuing_ca.pem', 'ca/issuing_ca.key.pem']],
    ['with the certificates alone', ['ca/root_ca.key.pem', 'ca/issuing_ca.key.pem']],
    ['with nothing else', ['root_ca.pem', 'issuing_ca.pem', 'ca_bundle.pem', 'ca']],
  ])('a store that was emptied beside the lists it signed: the CA does not begin anew, %s', async (_, gone) => {
    const folder = usedFolder();
    truncateSync(join(folder, 'var/veritas.db'), 0);
    for (const name of gone) rmSync(join(folder, 'certs', name), { recursive: true });
    const before = contentsOf(folder, /veritas\.db/);
    expect(await sentenceAtStart(folder)).toMatch(
      /the store \S+veritas\.db does not know the CA root, but \S+root\.crl was signed by one of that name: restore a backup/,
    );
    expect(contentsOf(folder, /veritas\.db/)).toEqual(before);
  });

  test('without the lists it begins anew, with what there is of it', async () => {
    const folder = usedFolder();
    truncateSync(join(folder, 'var/veritas.db'), 0);
    expect(await sentenceAtStart(folder)).toMatch(
      /the store \S+veritas\.db does not know the CA root, but \S+root\.crl was signed by one of that name: restore a backup/,
    );
    const list = readFileSync(join(folder, 'var/crl/root.crl'));
    rmSync(join(folder, 'var/crl'), { recursive: true });
    expect(await sentenceAtStart(folder)).toBe('started');
    expect(readFileSync(join(folder, 'var/crl/root.crl'))).not.toEqual(list);
  });

  test('public certificates that are damaged are written again from the store', async () => {
    const folder = usedFolder();
    const names = ['root_ca.pem', 'issuing_ca.pem', 'ca_bundle.pem'].map((name) => join(folder, 'certs', name));
    const before = names.map((name) => readFileSync(name, 'utf8'));
    for (const name of names) writeFileSync(name, 'garbage');
    expect(await sentenceAtStart(folder)).toBe('started');
    expect(names.map((name) => readFileSync(name, 'utf8'))).toEqual(before);
  });

  test('a port that is in use: the sentence names the setting that asks for it', async () => {
    const folder = usedFolder();
    const taken = createServer();
    taken.listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    for (const name of ['HTTP', 'REPOSITORY', 'MICROSERVICE']) {
      const more = { [`VERITAS_${name}_HOST`]: '127.0.0.1', [`VERITAS_${name}_PORT`]: String(port) };
      expect(await sentenceAtStart(folder, more)).toBe(
        `port ${port} on 127.0.0.1 is in use: stop what listens there, or set ${name.toLowerCase()}.port to another.`,
      );
    }
    taken.close();
  });

  test('a file of certificates of others that holds none', async () => {
    const folder = usedFolder();
    const file = join(folder, 'garbage.pem');
    writeFileSync(file, 'garbage');
    const domain = { name: 'b.example', bundle: 'https://127.0.0.1:1/' };
    const spiffe = { VERITAS_MTLS_SERVICE_FROM: 'spiffe,cn' };
    const cases: readonly (readonly [string, Record<string, string>])[] = [
      [
        'mtls.crls: the issuer of other.crl',
        { VERITAS_MTLS_CRLS: JSON.stringify([{ source: 'other.crl', issuer: file }]) },
      ],
      [
        'mtls.trustDomains: the ca of b.example',
        { ...spiffe, VERITAS_MTLS_TRUST_DOMAINS: JSON.stringify([{ ...domain, caFile: file }]) },
      ],
      [
        'mtls.trustDomains: the intermediates of b.example',
        { ...spiffe, VERITAS_MTLS_TRUST_DOMAINS: JSON.stringify([{ ...domain, intermediatesFile: file }]) },
      ],
    ];
    for (const [what, more] of cases)
      expect(await sentenceAtStart(folder, more)).toBe(`${what} cannot be used: no PEM block CERTIFICATE, at octet 0.`);
  });

  test('a database that is not there: its host and its setting, and never the password', async () => {
    const folder = usedFolder();
    const url = join(folder, 'url');
    writeFileSync(url, 'postgres://veritas:secret@127.0.0.1:1/veritas', { mode: 0o600 });
    const more = { VERITAS_STORE_URL_FILE: url };
    const expected = /the store postgres:\/\/127\.0\.0\.1:1\/veritas cannot be used: .*ECONNREFUSED/;
    const sentence = await sentenceAtStart(folder, more);
    expect(sentence).toMatch(expected);
    expect(sentence).toMatch(/ \(store\.urlFile names it\)\.$/);
    const { code, err } = await issueIn(folder, more);
    expect([code, err]).toEqual([3, expect.stringMatching(expected)]);
    expect(err).toContain(' (store.urlFile names it)');
    expect(err).not.toContain('secret');
  });
});

/** The digest of each file, but of those that may change and the public ones, which come from the store. */
function contentsOf(folder: string, changing: RegExp): Record<string, string> {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(
    (name) => statSync(join(folder, name)).isFile() && !changing.test(name) && !/_(?:ca|bundle)\.pem$/.test(name),
  );
  return Object.fromEntries(names.map((name) => [name, hash('sha256', readFileSync(join(folder, name)))]));
}

describeWithMounts('disks that are full or for reading only', () => {
  test('a store for reading only: it says so; listing goes on', async () => {
    const folder = usedFolder();
    const end = mountReadOnly(join(folder, 'var'));
    const expected =
      /veritas\.db cannot be used: .*(?:EROFS|readonly).*\(look at its folder, its permissions and the space on the disk; store\.path names it\)/;
    expect(await sentenceAtStart(folder)).toMatch(expected);
    expect((await issueIn(folder)).err).toMatch(expected);
    const reading = ['list', 'show 1', 'ca show', 'services list', 'audit verify', 'audit export', 'migrate --status'];
    for (const words of reading) {
      const { code, out, err } = await commandIn(folder, words.split(' '));
      if (words === 'show 1') expect(err).toContain('serial_unknown');
      else expect([words, code, out !== '']).toEqual([words, 0, true]);
    }
    end();
    expect(existsSync(join(folder, 'orders.key'))).toBe(false);
    expect(await sentenceAtStart(folder)).toBe('started');
  });

  test('a store for reading only here, that is written elsewhere meanwhile: what was read does not pass for right', async () => {
    const folder = usedFolder();
    const [path, elsewhere] = [join(folder, 'var/veritas.db'), join(folder, 'elsewhere.db')];
    linkSync(path, elsewhere);
    mountReadOnly(join(folder, 'var'));
    const store = await openStore({ path, readOnly: true });
    expect((await listIssuers(store.database)).map(({ id }) => id)).toEqual(['root', 'issuing']);
    const writer = await openStore({ path: elsewhere });
    await writer.transaction((transaction) => takeCrlNumber(transaction, 'issuing'));
    await writer.close();
    await expect(store.close()).rejects.toMatchObject({
      code: 'store_unavailable',
      message: expect.stringContaining('was written elsewhere while it was read'),
    });
  });

  test('a store for reading only that was not closed: it says why its log is in the way', async () => {
    const folder = usedFolder();
    const path = join(folder, 'var/veritas.db');
    const store = await openStore({ path });
    await store.transaction((transaction) => takeCrlNumber(transaction, 'issuing'));
    const copy = join(folder, 'copy');
    mkdirSync(copy);
    for (const suffix of ['', '-wal']) copyFileSync(path + suffix, join(copy, `veritas.db${suffix}`));
    await store.close();
    mountReadOnly(copy);
    const { code, err } = await commandIn(folder, ['list'], { VERITAS_STORE_PATH: join(copy, 'veritas.db') });
    expect([code, err]).toEqual([3, expect.stringMatching(/is in its -wal, which only who may write to its folder/)]);
  });

  test('a store for reading only beside an empty log, which a command that only read leaves: it is read', async () => {
    const folder = usedFolder();
    const copy = join(folder, 'copy');
    mkdirSync(copy);
    expect((await commandIn(folder, ['list'])).code).toBe(0);
    for (const suffix of ['', '-wal'])
      copyFileSync(join(folder, `var/veritas.db${suffix}`), join(copy, `veritas.db${suffix}`));
    expect(statSync(join(copy, 'veritas.db-wal')).size).toBe(0);
    mountReadOnly(copy);
    expect(await commandIn(folder, ['list'], { VERITAS_STORE_PATH: join(copy, 'veritas.db') })).toMatchObject({
      code: 0,
    });
  });

  test('certificates for reading only: a service with all of them there needs no more', async () => {
    const folder = usedFolder();
    mountReadOnly(join(folder, 'certs'));
    expect(await sentenceAtStart(folder)).toBe('started');
  });

  test('a folder of lists for reading only', async () => {
    const folder = usedFolder();
    const end = mountReadOnly(join(folder, 'var/crl'));
    const { code, err } = await commandIn(folder, ['crl']);
    expect([code, err]).toEqual([
      3,
      expect.stringMatching(/issuing\.crl cannot be written \(EROFS\): look at its folder/),
    ]);
    end();
    expect((await commandIn(folder, ['crl', '--json'])).code).toBe(0);
    const list = decodeCertificateList(readFileSync(join(folder, 'var/crl/issuing.crl')));
    // The one that was signed and not written has its number.
    expect(list.extensions.crlNumber).toBe(3n);
  });

  test('a folder of lists for reading only holds up no revocation and no start, though the last list is not in it', async () => {
    const folder = usedFolder();
    const end = mountReadOnly(join(folder, 'var/crl'));
    expect((await commandIn(folder, ['crl'])).code).toBe(3);
    const { code, out, err } = await commandIn(folder, ['revoke', '--service', 'veritas-client', '--json']);
    expect([code, JSON.parse(out), err]).toEqual([
      3,
      { revoked: 1 },
      expect.stringMatching(/issuing\.crl cannot be written \(EROFS\)/),
    ]);
    expect(await sentenceAtStart(folder)).toBe('started');
    end();
  });

  test('a full disk at the start and at the command line', async () => {
    const folder = temporaryFolder();
    mountDisk(join(folder, 'var'), 1024 * 1024);
    usedFolder(folder);
    const free = fillDisk(join(folder, 'var'));
    const expected =
      /veritas\.db cannot be used: (?:disk I\/O error|database or disk is full) \(look at .* the space on the disk; store\.path names it\)/;
    expect(await sentenceAtStart(folder)).toMatch(expected);
    const { code, err } = await issueIn(folder);
    expect([code, err]).toEqual([3, expect.stringMatching(expected)]);
    free();
    expect(await sentenceAtStart(folder)).toBe('started');
    expect((await issueIn(folder)).code).toBe(0);
  });

  test('room for the key and not for the certificate: it is issued, and the message says how to have it', async () => {
    const folder = usedFolder();
    const out = join(folder, 'out');
    mountDisk(out, 64 * 1024);
    const free = fillDisk(out, 4096);
    const args = ['issue', '--service', 'orders', '--cert', join(out, 'orders.pem'), '--key', join(out, 'orders.key')];
    const { code, err } = await commandIn(folder, args);
    expect([code, err]).toEqual([
      3,
      expect.stringMatching(/orders\.pem cannot be written \(ENOSPC\): .*veritas show [0-9a-f]{32}/),
    ]);
    expect(readdirSync(out).sort()).toEqual(['filler', 'orders.key']);
    free();
    const shown = await commandIn(folder, ['show', /veritas show ([0-9a-f]+)/.exec(err)?.[1] ?? '']);
    expect(shown.out).toContain('BEGIN CERTIFICATE');
  });

  describe('while the service runs', () => {
    let service: Service;
    let admin: Caller;
    let folder: string;
    beforeAll(async () => {
      folder = temporaryFolder();
      mountDisk(join(folder, 'var'), 2 * 1024 * 1024);
      service = await startIn(usedFolder(folder));
      admin = await callerOf(service, 'admin-client');
    });
    afterAll(() => service.close());
    const post = (path: string, body: object) =>
      send(service.ports.https, { method: 'POST', path: `/api/v1/certificates${path}`, tls: admin.tls, body });
    const issue = () => post('', { csr: csrOf(newKey(), 'orders'), profile: 'service', service: 'orders' });
    const guarded = async () => (await get(service.ports.https, '/api/v1/whoami', admin.tls)).status;
    const served = async () =>
      decodeCertificateList((await getPlain(service.ports.repository ?? 0, '/crl/issuing.crl')).body);
    const written = () => decodeCertificateList(readFileSync(join(folder, 'var/crl/issuing.crl')));

    test('a full disk: nothing is issued or revoked, everything else goes on, and it recovers when there is space', async () => {
      const first = await issue();
      expect(first.status).toBe(201);
      const serial = String(first.json.serial_number);
      const free = fillDisk(join(folder, 'var'));
      const told: string[] = [serial];
      let refused: Awaited<ReturnType<typeof issue>> | undefined;
      // What SQLite has room for in its log is still issued, and counts.
      for (let i = 0; i < 500 && !refused; i++) {
        const answer = await issue();
        if (answer.status === 201) told.push(String(answer.json.serial_number));
        else refused = answer;
      }
      expect([refused?.status, refused?.json.code]).toEqual([503, 'store_unavailable']);
      const revocation = await post(`/${serial}/revocation`, {});
      expect([revocation.status, revocation.json.code]).toEqual([503, 'store_unavailable']);
      expect(await guarded()).toBe(200);
      expect((await get(service.ports.https, `/api/v1/certificates/${serial}`, admin.tls)).status).toBe(200);
      expect((await served()).extensions.crlNumber).toBe(1n);
      free();
      const after = await issue();
      expect(after.status).toBe(201);
      told.push(String(after.json.serial_number));
      expect(new Set(told).size).toBe(told.length);
      const ca = service.application.get(CaService, { strict: false });
      for (const each of told) expect(await ca.find(each)).toMatchObject({ status: 'active' });
      expect((await post(`/${serial}/revocation`, {})).status).toBe(200);
      const other = await openStore({ path: join(folder, 'var/veritas.db'), readOnly: true });
      expect(await new AuditLog(other).verify()).toMatchObject({ ok: true });
      await other.close();
    });

    test('no room for the file of the revocation list: it is served all the same, and written when there is', async () => {
      const crls = service.application.get(CrlService, { strict: false });
      await crls.publishIfDue();
      const issued = await issue();
      const before = written();
      rmSync(join(folder, 'var/crl'), { recursive: true });
      mountDisk(join(folder, 'var/crl'), 4096);
      writeFileSync(join(folder, 'var/crl/issuing.crl'), before.der);
      expect((await post(`/${String(issued.json.serial_number)}/revocation`, {})).status).toBe(200);
      await expect(crls.publishIfDue()).rejects.toMatchObject({ code: 'file_unwritable' });
      expect([...(await served()).revokedCertificates()].map(({ serialNumber }) => serialNumber)).toContain(
        String(issued.json.serial_number),
      );
      expect(readdirSync(join(folder, 'var/crl'))).toEqual(['issuing.crl']);
      expect(written().extensions.crlNumber).toBe(before.extensions.crlNumber);
      expect(await guarded()).toBe(200);
      mountDisk(join(folder, 'var/crl'), 64 * 1024);
      await crls.publishIfDue();
      expect(written().extensions.crlNumber).toBe((await served()).extensions.crlNumber);
    });
  });
});

describe('what a start says', () => {
  const calls = (folder: string, environment: Record<string, string> = {}): string[] =>
    welcome({
      configuration: configurationIn(folder, environment),
      ports: { https: 5000, repository: 5080, microservice: undefined },
    }).split('\n');

  test('advises no call with a certificate that is not there, nor one without where each handshake needs one', () => {
    const curls = (folder: string, environment?: Record<string, string>): string[] =>
      calls(folder, environment).filter((line) => line.startsWith('  curl '));
    expect(curls(template)).toHaveLength(3);
    const health = expect.stringMatching(/ https:\/\/localhost:5000\/health$/);
    expect(curls(temporaryFolder())).toEqual([health]);
    const required = { VERITAS_TLS_CLIENT_AUTH: 'required' };
    const withCertificate = expect.stringMatching(/ --cert \S+ --key \S+ https:\/\/localhost:5000\/\S+$/);
    expect(curls(template, required)).toEqual([withCertificate, withCertificate, withCertificate]);
    expect(curls(temporaryFolder(), required)).toEqual([]);
  });

  test('gives calls that a shell reads as they are meant, whatever is in the names of files', () => {
    const folder = join(temporaryFolder(), `a b's $(exit) "c" & d`);
    mkdirSync(folder);
    const names = ['client_cert.pem', 'client_key.pem', 'ca_bundle.pem'].map((name) => join(folder, name));
    for (const name of names) writeFileSync(name, '');
    const [certificate, key, ca] = names;
    const files = { VERITAS_TLS_CERTIFICATE_FILE: join(folder, 'server_cert.pem'), VERITAS_TLS_CA_FILE: ca! };
    const [, test] = calls(template, files).filter((line) => line.startsWith('  curl '));
    const script = `curl() { printf '%s\\n' "$@"; }; ${test}`;
    expect(execFileSync('sh', ['-c', script], { encoding: 'utf8' }).trimEnd().split('\n')).toEqual([
      '--cacert',
      ca,
      '--cert',
      certificate,
      '--key',
      key,
      'https://localhost:5000/api/v1/test',
    ]);
  });

  test('names the address where it listens on one that is not this machine alone', () => {
    const hosts = { VERITAS_HTTP_HOST: '192.0.2.2', VERITAS_REPOSITORY_HOST: '2001:db8::1' };
    expect(calls(template, hosts)[1]).toBe(
      'Veritas listens on https://192.0.2.2:5000 and, for CRLs and probes, on http://[2001:db8::1]:5080. Try:',
    );
    const any = { VERITAS_HTTP_HOST: '::', VERITAS_REPOSITORY_HOST: '0.0.0.0' };
    expect(calls(template, any)[1]).toMatch(/https:\/\/localhost:5000 .* http:\/\/localhost:5080\./);
  });
});

test('what a newer version has brought forward while the service runs is read, and not written: it says so until that is undone', async () => {
  const service = await startIn();
  try {
    const { tls } = await callerOf(service, 'admin-client');
    const { https } = service.ports;
    const { json } = await get(https, '/openapi.json', tls);
    const paths = json.paths as Record<string, Record<string, { responses: Record<string, object> }>>;
    const changes = [
      ['POST', '/api/v1/certificates', { csr: csrOf(newKey(), 'orders') }],
      ['PUT', '/api/v1/services/{name}', { state: 'allowed' }],
    ] as const;
    const change = async ([method, path, body]: (typeof changes)[number]): Promise<unknown> => {
      const { status, json } = await send(https, { method, path: path.replace('{name}', 'orders'), tls, body });
      if (status >= 500)
        expect([path, JSON.stringify(paths[path]?.[method.toLowerCase()]?.responses[status])]).toEqual([
          path,
          expect.stringContaining(`"${String(json.code)}"`),
        ]);
      return [status, json.code];
    };
    await service.query(`insert into migration (name, applied_at) values ('9999-later', 1)`);
    for (const each of changes) expect(await change(each)).toEqual([503, 'store_too_new']);
    expect((await get(https, '/health', tls)).json).toMatchObject({
      status: 'unhealthy',
      parts: { store: { state: 'down', detail: 'a newer version has changed it' } },
    });
    expect((await get(https, '/api/v1/services/orders', tls)).status).toBe(404);
    await service.query(`delete from migration where name = '9999-later'`);
    for (const each of changes) expect(await change(each)).toEqual([201, undefined]);
    expect((await get(https, '/health', tls)).json).toMatchObject({ status: 'healthy' });
  } finally {
    await service.close();
  }
});
