import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect as connectPlain, createServer as createRelay, type AddressInfo } from 'node:net';
import { basename, dirname, join } from 'node:path';
import { connect, createServer, type Server, type TLSSocket } from 'node:tls';
import { afterEach, describe, expect, test } from '@jest/globals';
import { replaceFile, temporaryFolder, writeFiles } from '../../test/support/folder.js';
import { configurationIn } from '../../test/support/service.js';
import { TestCa, type Issued } from '../testing/index.js';
import {
  checkTlsSettings,
  clientLeafOf,
  clientOptions,
  connectionInfoOf,
  DEFAULT_TLS_SETTINGS,
  developmentClientOptions,
  developmentServerOptions,
  nodeVersionProblem,
  readTlsMaterial,
  serverOptions,
  TlsReloader,
  TlsSetupError,
  type ServerTlsSettings,
  type TlsFiles,
  type TlsMaterial,
  type TlsReloadEvent,
  type TlsSettings,
} from './index.js';

const HOUR = 3_600_000;
const ca = TestCa.root();
const settings: ServerTlsSettings = {
  ...DEFAULT_TLS_SETTINGS,
  sessionTimeout: 300,
  sessionTickets: true,
  clientAuth: 'optional',
};
const localhost = (): Issued => ca.issue({ commonName: 'localhost', names: [{ kind: 'dns', value: 'localhost' }] });

function filesOf(
  issued: Pick<Issued, 'chainPem' | 'certificatePem' | 'keyPem'>,
  caPem = ca.certificatePem,
): Required<Omit<TlsFiles, 'intermediatesFile'>> {
  const paths = writeFiles(temporaryFolder(), { cert: issued.certificatePem, key: issued.keyPem, ca: caPem });
  return {
    certificateFile: paths.cert,
    keyFile: paths.key,
    caFile: paths.ca,
    keyPassphrase: undefined,
    ticketKeysFile: undefined,
  };
}

const servers: Server[] = [];
const sockets: TLSSocket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const server of servers.splice(0)) server.close();
});

async function listen(files: TlsFiles, own: ServerTlsSettings = settings): Promise<Server> {
  const server = createServer(serverOptions(own, await readTlsMaterial(files, new Date())), (socket) => {
    socket.on('error', () => undefined);
    socket.write('hello');
  });
  server.on('tlsClientError', () => undefined);
  servers.push(server);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return server;
}

async function dial(
  server: Server,
  options: object = {},
): Promise<{ socket: TLSSocket; ticket: () => Promise<Buffer> }> {
  const { port } = server.address() as AddressInfo;
  const socket = connect({ host: '127.0.0.1', port, servername: 'localhost', ca: ca.certificatePem, ...options });
  sockets.push(socket);
  // With TLS 1.3 it comes some time after the handshake.
  const ticket = once(socket, 'session').then(([session]) => session as Buffer);
  ticket.catch(() => undefined);
  await Promise.race([once(socket, 'data'), once(socket, 'error').then(([error]) => Promise.reject(error as Error))]);
  return { socket, ticket: () => ticket };
}

test.each([
  ['20.20.2', false],
  ['24.20.9', false],
  ['24.21.0', true],
  ['25.9.0', false],
  ['26.7.0', false],
  ['26.8.0', true],
  ['27.0.0', true],
])('Node.js %s: fit to be used is %s', (version, isFit) => {
  expect(nodeVersionProblem(version) === undefined).toBe(isFit);
});

describe('settings', () => {
  test('the defaults of the service are these', () => {
    expect(configurationIn(temporaryFolder()).tls).toMatchObject(DEFAULT_TLS_SETTINGS);
  });

  test('the defaults are accepted', () => {
    expect(() => checkTlsSettings(DEFAULT_TLS_SETTINGS)).not.toThrow();
  });

  test.each<[string, Partial<TlsSettings>, RegExp]>([
    [
      'an unknown cipher among known ones',
      { ciphers: [...DEFAULT_TLS_SETTINGS.ciphers, 'ECDHE-RSA-AES128-GCM-SHA257'] },
      /^tls\.ciphers: this OpenSSL does not know ECDHE-RSA-AES128-GCM-SHA257: /,
    ],
    [
      'a cipher in small letters',
      { ciphers: ['ecdhe-ecdsa-aes128-gcm-sha256', 'ECDHE-ECDSA-AES256-GCM-SHA384', 'TLS_AES_128_GCM_SHA256'] },
      /does not know ecdhe-ecdsa-aes128-gcm-sha256: /,
    ],
    ['no cipher for TLS 1.2', { ciphers: ['TLS_AES_256_GCM_SHA384'] }, /none is for TLS 1\.2/],
    ['no cipher for TLS 1.3', { ciphers: ['ECDHE-RSA-AES128-GCM-SHA256'] }, /none is for TLS 1\.3/],
    [
      'an unknown group',
      { groups: 'X25519:P-257' },
      /^tls\.groups: this OpenSSL does not know the key exchange group P-257: /,
    ],
    ['a colon too many', { groups: 'X25519:' }, /^tls\.groups: there is a colon without a group beside it: /],
    [
      'no version at all',
      { minVersion: 'TLSv1.3', maxVersion: 'TLSv1.2' },
      /^tls\.minVersion: TLSv1\.3 is above tls\.maxVersion, TLSv1\.2: /,
    ],
  ])('%s: one sentence', (_, change, message) => {
    expect(() => checkTlsSettings({ ...DEFAULT_TLS_SETTINGS, ...change })).toThrow(message);
    expect(() => checkTlsSettings({ ...DEFAULT_TLS_SETTINGS, ...change })).toThrow(TlsSetupError);
  });
});

describe('material', () => {
  test.each<[string, () => TlsFiles, RegExp]>([
    [
      'a key that does not match',
      () => filesOf({ ...localhost(), keyPem: localhost().keyPem }),
      /is not the key of the certificate/,
    ],
    [
      'an expired certificate',
      () => filesOf(ca.issue({ notBefore: new Date(Date.now() - 2 * HOUR), notAfter: new Date(Date.now() - HOUR) })),
      /expired at .*veritas issue/,
    ],
    [
      'a certificate from the future',
      () => filesOf(ca.issue({ notBefore: new Date(Date.now() + HOUR) })),
      /not valid before/,
    ],
    [
      'no certificate file',
      () => ({ ...filesOf(localhost()), certificateFile: '/nowhere/cert.pem' }),
      /tls\.certificateFile: \/nowhere\/cert\.pem cannot be opened \(ENOENT\): make it with `veritas setup`, or name another\.$/,
    ],
    [
      'a file in place of the folder of a certificate',
      () => ({ ...filesOf(localhost()), certificateFile: `${filesOf(localhost()).keyFile}/cert.pem` }),
      /cannot be opened \(ENOTDIR\): look at its name and its permissions\.$/,
    ],
    [
      'half a certificate',
      () => filesOf({ ...localhost(), certificatePem: localhost().certificatePem.slice(0, 300) }),
      /does not hold certificates in PEM/,
    ],
    [
      'a folder for a certificate',
      () => ({ ...filesOf(localhost()), certificateFile: temporaryFolder() }),
      /tls\.certificateFile: \S+ is a folder: name a file/,
    ],
    [
      'a folder for a key',
      () => ({ ...filesOf(localhost()), keyFile: temporaryFolder() }),
      /tls\.keyFile: \S+ is a folder: name a file/,
    ],
    ['no PEM', () => filesOf({ ...localhost(), certificatePem: 'nonsense' }), /does not hold certificates/],
    [
      'a key file with a certificate',
      () => filesOf({ ...localhost(), keyPem: localhost().certificatePem }),
      /holds no private key/,
    ],
    [
      'a certificate that OpenSSL does not take',
      () => filesOf(ca.issue({ keyPair: generateKeyPairSync('rsa', { modulusLength: 1024 }) })),
      /^tls\.certificateFile: OpenSSL does not take the certificate in \S+ \(ee key too small\): renew it with another key/,
    ],
    ['a broken CA file', () => filesOf(localhost(), 'nonsense'), /tls\.caFile/],
    [
      'a key that others can read',
      () => {
        const files = filesOf(localhost());
        chmodSync(files.keyFile, 0o640);
        return files;
      },
      /can be read by others.*chmod 600/,
    ],
  ])('%s: refused in one sentence, without a secret', async (_, files, message) => {
    const reading = readTlsMaterial(files(), new Date());
    await expect(reading).rejects.toThrow(message);
    await expect(reading).rejects.toThrow(TlsSetupError);
    await expect(reading).rejects.not.toThrow(/PRIVATE KEY|\n/);
  });

  test('an encrypted key, with its passphrase and without', async () => {
    const issued = localhost();
    const keyPem = issued.key
      .export({ format: 'pem', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase: 'correct horse' })
      .toString();
    const files = filesOf({ ...issued, keyPem });
    const server = await listen({ ...files, keyPassphrase: 'correct horse' });
    expect((await dial(server)).socket.authorized).toBe(true);
    await expect(readTlsMaterial({ ...files, keyPassphrase: 'wrong' }, new Date())).rejects.toThrow(/passphrase/);
    await expect(readTlsMaterial(files, new Date())).rejects.not.toThrow(/correct horse/);
  });
});

describe('a connection', () => {
  test('speaks TLS 1.3 with the post-quantum hybrid first, 1.2 when asked, and nothing older', async () => {
    const server = await listen(filesOf(localhost()));
    const { socket } = await dial(server, { ecdhCurve: DEFAULT_TLS_SETTINGS.groups });
    expect(connectionInfoOf(socket)).toMatchObject({
      protocol: 'TLSv1.3',
      cipher: 'TLS_AES_256_GCM_SHA384',
      resumed: false,
    });
    expect((await dial(server, { maxVersion: 'TLSv1.2' })).socket.getProtocol()).toBe('TLSv1.2');
    await expect(
      dial(server, { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }),
    ).rejects.toThrow();
  });

  test("honours the server's order of ciphers", async () => {
    const server = await listen(filesOf(localhost()));
    const ciphers = 'ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256';
    const { socket } = await dial(server, { maxVersion: 'TLSv1.2', ciphers });
    expect(socket.getCipher().name).toBe('ECDHE-ECDSA-AES128-GCM-SHA256');
    await expect(dial(server, { maxVersion: 'TLSv1.2', ciphers: 'AES128-SHA' })).rejects.toThrow();
  });

  test('refuses renegotiation', async () => {
    const server = await listen(filesOf(localhost()));
    const { socket } = await dial(server, { maxVersion: 'TLSv1.2' });
    const refused = await new Promise<Error | null>((resolve) => {
      socket.on('error', resolve);
      socket.renegotiate({}, resolve);
    });
    expect(refused).not.toBeNull();
  });

  test('required: the handshake fails without a trusted certificate; optional: it does not', async () => {
    const required = await listen(filesOf(localhost()), { ...settings, clientAuth: 'required' });
    await expect(dial(required)).rejects.toThrow();
    const client = ca.issue();
    const { socket } = await dial(required, { cert: client.certificatePem, key: client.keyPem });
    expect(connectionInfoOf(socket).peer?.subject.key).toContain('localhost');
    const optional = await listen(filesOf(localhost()));
    expect((await dial(optional)).socket.authorized).toBe(true);
  });

  test.each(['TLSv1.2', 'TLSv1.3'] as const)(
    'of %s has the certificate that the client presented, or none, also when it is resumed',
    async (version) => {
      const server = await listen(filesOf(localhost()));
      const { certificate, chainPem, keyPem } = ca.issue();
      const leaf = Uint8Array.from(certificate.der);
      const presented = async (options: object, isLast = false): Promise<Buffer | undefined> => {
        const accepted = once(server, 'secureConnection');
        const { socket, ticket } = await dial(server, { minVersion: version, maxVersion: version, ...options });
        const [at] = (await accepted) as [TLSSocket];
        seen.push([at.isSessionReused(), clientLeafOf(at)]);
        return isLast ? undefined : ticket().finally(() => socket.destroy());
      };
      const seen: unknown[] = [];
      await presented({ session: await presented({}) }, true);
      await presented({ session: await presented({ cert: chainPem, key: keyPem }) }, true);
      expect(seen).toEqual([
        [false, undefined],
        [true, undefined],
        [false, leaf],
        [true, leaf],
      ]);
      const ticketless = await listen(filesOf(localhost()), { ...settings, sessionTickets: false });
      const accepted = once(ticketless, 'secureConnection');
      await dial(ticketless, { minVersion: version, maxVersion: version, cert: chainPem, key: keyPem });
      expect(clientLeafOf(((await accepted) as [TLSSocket])[0])).toEqual(leaf);
    },
  );

  test('without tickets nothing is resumed', async () => {
    const server = await listen(filesOf(localhost()), { ...settings, sessionTickets: false, maxVersion: 'TLSv1.2' });
    const first = await dial(server);
    const second = await dial(server, { session: first.socket.getSession() });
    expect(second.socket.isSessionReused()).toBe(false);
  });

  test('a client with clientOptions trusts its own CAs alone', async () => {
    const server = await listen(filesOf(localhost()));
    const { port } = server.address() as AddressInfo;
    const dialWith = async (trusted: TestCa): Promise<boolean> => {
      const material = await readTlsMaterial(filesOf(ca.issue(), trusted.certificatePem), new Date());
      const socket = connect({
        host: '127.0.0.1',
        port,
        servername: 'localhost',
        ...clientOptions(settings, material),
      });
      sockets.push(socket);
      return once(socket, 'secureConnect').then(
        () => true,
        () => false,
      );
    };
    expect([await dialWith(ca), await dialWith(TestCa.root())]).toEqual([true, false]);
  });
});

describe('reloading', () => {
  async function reloadable(
    check?: (material: TlsMaterial) => void,
    files: TlsFiles = filesOf(localhost()),
    clock = () => new Date(),
  ): Promise<{
    server: Server;
    files: TlsFiles;
    reloader: TlsReloader;
    events: TlsReloadEvent[];
  }> {
    const server = await listen(files);
    const events: TlsReloadEvent[] = [];
    const reloader = new TlsReloader(server, settings, files, await readTlsMaterial(files, new Date()), {
      interval: 10,
      ...(check ? { check } : {}),
      clock,
      report: (event) => events.push(event),
    });
    return { server, files, reloader, events };
  }

  test('a new certificate is presented to new connections; sessions from before go on', async () => {
    const { server, files, reloader, events } = await reloadable();
    const before = await dial(server);
    expect((await dial(server, { session: await before.ticket() })).socket.isSessionReused()).toBe(true);
    const next = localhost();
    replaceFile(files.keyFile, next.keyPem);
    // Half of the pair: the old one stays in use.
    await reloader.reload();
    expect(events.map(({ kind }) => kind)).toEqual(['failed']);
    replaceFile(files.certificateFile, next.certificatePem);
    await reloader.reload();
    expect(events.map(({ kind }) => kind)).toEqual(['failed', 'certificate']);
    expect(connectionInfoOf((await dial(server)).socket).peer?.fingerprint256).toBe(next.certificate.fingerprint256);
    expect((await dial(server, { session: await before.ticket() })).socket.isSessionReused()).toBe(true);
    expect(before.socket.destroyed).toBe(false);
  });

  test('after a change of trust no session from before is resumed', async () => {
    const { server, files, reloader, events } = await reloadable();
    const before = await dial(server);
    expect((await dial(server, { session: await before.ticket() })).socket.isSessionReused()).toBe(true);
    replaceFile(files.caFile ?? '', TestCa.root({ commonName: 'New Root' }).certificatePem);
    await reloader.reload();
    expect(events.map(({ kind }) => kind)).toEqual(['trust']);
    expect((await dial(server, { session: await before.ticket() })).socket.isSessionReused()).toBe(false);
  });

  test('ticket keys of a file: other nodes resume, until the trust or the file changes', async () => {
    const ticketKeysFile = join(temporaryFolder(), 'ticket_keys');
    writeFileSync(ticketKeysFile, randomBytes(48), { mode: 0o600 });
    const files = { ...filesOf(localhost()), ticketKeysFile };
    const { server, reloader, events } = await reloadable(undefined, files);
    const other = await listen({ ...filesOf(localhost()), ticketKeysFile });
    const resumed = async (ticket: Buffer) => (await dial(server, { session: ticket })).socket.isSessionReused();
    expect(await resumed(await (await dial(other)).ticket())).toBe(true);
    replaceFile(ticketKeysFile, randomBytes(48));
    await reloader.reload();
    expect(await resumed(await (await dial(other)).ticket())).toBe(false);
    const own = await (await dial(server)).ticket();
    expect(await resumed(own)).toBe(true);
    replaceFile(files.caFile ?? '', ca.certificatePem + TestCa.root({ commonName: 'New Root' }).certificatePem);
    await reloader.reload();
    expect(events.map(({ kind }) => kind)).toEqual(['certificate', 'trust']);
    expect(await resumed(own)).toBe(false);
  });

  test.each([
    ['too short', randomBytes(31), 0o600, /31 octets.*openssl rand/],
    ['read by others', randomBytes(48), 0o640, /chmod 600/],
  ])('a file of ticket keys that is %s is refused', async (_, octets, mode, why) => {
    const ticketKeysFile = join(temporaryFolder(), 'ticket_keys');
    writeFileSync(ticketKeysFile, octets, { mode });
    await expect(readTlsMaterial({ ...filesOf(localhost()), ticketKeysFile }, new Date())).rejects.toThrow(why);
  });

  test('what the application cannot use is reported, and neither the context nor the ticket keys change', async () => {
    const { server, files, reloader, events } = await reloadable(({ caPem }) => {
      if (!caPem?.startsWith(ca.certificatePem)) throw new Error('no root in it');
    });
    const before = await dial(server);
    const ticket = await before.ticket();
    const good = reloader.material;
    replaceFile(files.caFile ?? '', ca.intermediate().certificatePem);
    await reloader.reload();
    expect(events).toEqual([{ kind: 'failed', why: 'no root in it' }]);
    expect(reloader.material).toBe(good);
    expect((await dial(server, { session: ticket })).socket.isSessionReused()).toBe(true);
    replaceFile(files.caFile ?? '', ca.certificatePem + TestCa.root().certificatePem);
    await reloader.reload();
    expect(events.map(({ kind }) => kind)).toEqual(['failed', 'trust']);
  });

  test('looks at the same time: what was read first does not come back over what was read last', async () => {
    const { files, reloader } = await reloadable();
    for (let round = 0; round < 60; round++) {
      const [one, two] = [localhost(), localhost()];
      replaceFile(files.keyFile, one.keyPem);
      replaceFile(files.certificateFile, one.certificatePem);
      const first = reloader.reload();
      for (let turns = 0; turns < round % 20; turns++) await new Promise(setImmediate);
      // As a renewal does: who has read the certificate from before still finds its key, and takes longer for it.
      replaceFile(`${files.keyFile}.old`, one.keyPem);
      replaceFile(files.keyFile, two.keyPem);
      replaceFile(files.certificateFile, two.certificatePem);
      await Promise.all([first, reloader.reload()]);
      expect([round, reloader.material.certificate.serialNumber]).toEqual([round, two.certificate.serialNumber]);
    }
  });

  test('what did not check out is not read again and again, but when a file changes, its mode included, and after a while', async () => {
    let [looks, now] = [0, Date.now()];
    const { files, reloader, events } = await reloadable(
      () => {
        looks++;
        throw new Error('not yet');
      },
      filesOf(localhost()),
      () => new Date(now),
    );
    const seen = async (): Promise<number> => {
      for (let i = 0; i < 3; i++) await reloader.reload();
      return looks;
    };
    expect(await seen()).toBe(1);
    now += 10_000;
    expect(await seen()).toBe(2);
    chmodSync(files.keyFile, 0o640);
    await reloader.reload();
    expect(events.map((event) => event.kind === 'failed' && event.why)).toEqual([
      'not yet',
      expect.stringContaining('chmod 600'),
    ]);
    chmodSync(files.keyFile, 0o600);
    expect(await seen()).toBe(3);
  });

  test('what could not be put to use is tried again after a while, and files that are in use are not read again', async () => {
    const [issued, next] = [localhost(), localhost()];
    const files = filesOf(issued);
    const server = await listen(files);
    const events: TlsReloadEvent[] = [];
    let [isBroken, reads, now] = [true, 0, Date.now()];
    const reloader = new TlsReloader(
      {
        getTicketKeys: () => server.getTicketKeys(),
        setTicketKeys: (keys) => server.setTicketKeys(keys),
        setSecureContext: (options) => {
          if (isBroken) throw new Error('not now');
          server.setSecureContext(options);
        },
      },
      settings,
      files,
      await readTlsMaterial(files, new Date()),
      {
        interval: 10,
        clock: () => new Date(now),
        check: () => {
          reads++;
        },
        report: (event) => events.push(event),
      },
    );
    replaceFile(files.keyFile, next.keyPem);
    replaceFile(files.certificateFile, next.certificatePem);
    await reloader.reload();
    isBroken = false;
    await reloader.reload();
    expect([events, reads]).toEqual([[{ kind: 'failed', why: 'not now' }], 1]);
    now += 10_000;
    for (let i = 0; i < 3; i++) await reloader.reload();
    expect([events.map(({ kind }) => kind), reads]).toEqual([['failed', 'certificate'], 2]);
    expect(connectionInfoOf((await dial(server)).socket).peer?.serialNumber).toBe(next.certificate.serialNumber);
  });

  test('other intermediates are another trust, and other ticket keys of a file', async () => {
    const intermediatesFile = join(temporaryFolder(), 'intermediates.pem');
    writeFileSync(intermediatesFile, ca.intermediate().certificatePem);
    const { reloader, events } = await reloadable(undefined, { ...filesOf(localhost()), intermediatesFile });
    await reloader.reload();
    const ticketKeysFile = join(temporaryFolder(), 'ticket_keys');
    writeFileSync(ticketKeysFile, randomBytes(48), { mode: 0o600 });
    const files = { ...filesOf(localhost()), intermediatesFile, ticketKeysFile };
    const { ticketKeys } = await readTlsMaterial(files, new Date());
    replaceFile(intermediatesFile, ca.intermediate().certificatePem);
    await reloader.reload();
    expect(events.map(({ kind }) => kind)).toEqual(['trust']);
    expect((await readTlsMaterial(files, new Date())).ticketKeys).not.toEqual(ticketKeys);
  });

  test('bad files are reported once, and the old material stays', async () => {
    const { server, files, reloader, events } = await reloadable();
    replaceFile(files.certificateFile, localhost().certificatePem.slice(0, 300));
    await reloader.reload();
    await reloader.reload();
    expect(events).toEqual([{ kind: 'failed', why: expect.stringMatching(/tls\.certificateFile/) }]);
    rmSync(files.certificateFile);
    await reloader.reload();
    expect(events.map(({ kind }) => kind)).toEqual(['failed', 'failed']);
    expect((await dial(server)).socket.authorized).toBe(true);
  });

  test('files that are gone are reported again, once they were back meanwhile as they had been', async () => {
    // As a volume that is mounted: the files in it do not change.
    const there = filesOf(localhost());
    const mount = join(temporaryFolder(), 'mount');
    const [volume, inMount] = [dirname(there.certificateFile), (path = '') => join(mount, basename(path))];
    symlinkSync(volume, mount);
    const { certificateFile, keyFile, caFile } = there;
    const files = { certificateFile: inMount(certificateFile), keyFile: inMount(keyFile), caFile: inMount(caFile) };
    const { reloader, events } = await reloadable(undefined, files);
    await reloader.reload();
    for (let outage = 1; outage <= 2; outage++) {
      rmSync(mount);
      await reloader.reload();
      await reloader.reload();
      expect(events).toHaveLength(outage);
      expect(events.at(-1)).toEqual({ kind: 'failed', why: expect.stringContaining('ENOENT') });
      symlinkSync(volume, mount);
      await reloader.reload();
    }
  });

  test('by itself, under traffic, without a failed handshake', async () => {
    const { server, files, reloader, events } = await reloadable();
    reloader.start();
    let last = '';
    for (let round = 0; round < 5; round++) {
      const next = localhost();
      last = next.certificate.fingerprint256;
      replaceFile(files.keyFile, next.keyPem);
      replaceFile(files.certificateFile, next.certificatePem);
      for (let presented = ''; presented !== last;) {
        presented = connectionInfoOf((await dial(server)).socket).peer?.fingerprint256 ?? '';
      }
    }
    reloader.stop();
    expect(reloader.material.certificate.fingerprint256).toBe(last);
    expect(events.filter(({ kind }) => kind === 'certificate')).toHaveLength(5);
  });
});

test('the development shortcuts read what setup made', async () => {
  const folder = temporaryFolder();
  const [server, client] = [localhost(), ca.issue()];
  writeFiles(folder, {
    'server_cert.pem': server.certificatePem,
    'server_key.pem': server.keyPem,
    'client_cert.pem': client.certificatePem,
    'client_key.pem': client.keyPem,
    'ca_bundle.pem': ca.certificatePem,
  });
  expect(await developmentServerOptions(folder)).toMatchObject({ requestCert: true, rejectUnauthorized: false });
  expect(await developmentClientOptions(folder)).toMatchObject({ rejectUnauthorized: true });
  await expect(developmentServerOptions(join(folder, 'nowhere'))).rejects.toThrow(/veritas setup/);
});

test('clients are told which CAs are trusted, unless they are to choose by themselves', async () => {
  const told = async (own: ServerTlsSettings): Promise<boolean> => {
    const server = await listen(filesOf(localhost()), own);
    const { port } = server.address() as AddressInfo;
    // Of TLS 1.2: there the request for a certificate is not encrypted.
    const seen: Buffer[] = [];
    const relay = createRelay((inbound) => {
      const outbound = connectPlain(port, '127.0.0.1');
      outbound.on('data', (chunk: Buffer) => seen.push(chunk));
      inbound.pipe(outbound).pipe(inbound);
      for (const end of [inbound, outbound])
        end
          .on('error', () => undefined)
          .on('close', () => {
            inbound.destroy();
            outbound.destroy();
          });
    });
    await once(relay.listen(0, '127.0.0.1'), 'listening');
    const { port: relayed } = relay.address() as AddressInfo;
    const socket = connect({
      port: relayed,
      host: '127.0.0.1',
      servername: 'localhost',
      ca: ca.certificatePem,
      maxVersion: 'TLSv1.2',
    });
    sockets.push(socket);
    await once(socket, 'data');
    relay.close();
    return Buffer.concat(seen).includes(nameOfCa(ca.certificate.subject.der));
  };
  expect([await told(settings), await told({ ...settings, namesCas: false })]).toEqual([true, false]);
});

/** A name as the request for a certificate holds it, its length before it (RFC 5246 §7.4.4). */
function nameOfCa(name: Uint8Array): Buffer {
  return Buffer.concat([Uint8Array.of(name.length >> 8, name.length & 0xff), name]);
}
