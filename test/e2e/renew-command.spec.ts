import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { createServer as createTlsServer } from 'node:tls';
import { join } from 'node:path';
import { CaService, requestFor } from '../../src/pki/index.js';
import { TestCa } from '../../src/testing/index.js';
import { decodeCertificate, decodeCertificationRequest, decodePem, Oid } from '../../src/x509/index.js';
import { commandLine } from '../support/command-line.js';
import { callerOf } from '../support/certificate-client.js';
import { get } from '../support/client.js';
import { temporaryFolder } from '../support/folder.js';
import { developmentTls, environmentIn, startIn } from '../support/service.js';

let service: Awaited<ReturnType<typeof startIn>>;
let folder: string;
let counter = 0;
const path = (name: string): string => join(folder, name);
const read = (name: string): string => readFileSync(path(name), 'utf8');
const leaf = () => decodeCertificate(decodePem(read('worker.pem'))[0]!.octets);

async function renew(args: readonly string[], port = service.ports.https) {
  const files = ['--cert', path('worker.pem'), '--key', path('worker.key')];
  const trust = args.includes('--ca') ? [] : ['--ca', join(service.folder, 'certs/ca_bundle.pem')];
  const said = await commandLine(['renew', ...files, ...trust, '--url', `https://localhost:${port}`, ...args], {});
  expect(said.out + said.err).not.toContain('PRIVATE');
  return said;
}

/** Everything in the folder, by name. */
const contents = () => Object.fromEntries(readdirSync(folder).map((name) => [name, read(name)]));

beforeAll(async () => {
  service = await startIn();
});
afterAll(() => service.close());
beforeEach(async () => {
  folder = join(service.folder, `client-${counter++}`);
  mkdirSync(folder);
  const { chainPem, key } = await callerOf(service, 'veritas-worker', 'service');
  writeFileSync(path('worker.pem'), chainPem, { mode: 0o640 });
  writeFileSync(path('worker.key'), key.export({ format: 'pem', type: 'pkcs8' }), { mode: 0o600 });
});

describe('veritas renew', () => {
  it('works twice in a row: the same names for a new key, and the new files authenticate', async () => {
    for (let round = 0; round < 2; round++) {
      const [before, old] = [contents(), leaf()];
      const { code, out, err } = await renew(['--force', '--json']);
      expect([code, err]).toEqual([
        0,
        expect.stringMatching(/^Asking https:\/\/localhost:\d+ to renew [0-9a-f]+\.\n$/),
      ]);
      expect(JSON.parse(out)).toMatchObject({
        renewed: true,
        serial_number: leaf().serialNumber,
        previous_serial_number: old.serialNumber,
        names: ['DNS:veritas-worker'],
        previous_key_file: path('worker.key.old'),
      });
      expect(leaf().publicKey.der).not.toEqual(old.publicKey.der);
      expect(readdirSync(folder).sort()).toEqual(['worker.key', 'worker.key.old', 'worker.pem']);
      expect(read('worker.key.old')).toBe(before['worker.key']);
      expect(['worker.key', 'worker.key.old', 'worker.pem'].map((name) => statSync(path(name)).mode & 0o777)).toEqual([
        0o600, 0o600, 0o640,
      ]);
      expect(decodePem(read('worker.pem'))).toHaveLength(2);
      const tls = { ...developmentTls(service.folder), cert: read('worker.pem'), key: read('worker.key') };
      const { json } = await get(service.ports.https, '/api/v1/whoami', tls);
      expect(json).toMatchObject({ authenticated: true, service: 'veritas-worker' });
    }
  });

  it.each([
    ['P-384', () => generateKeyPairSync('ec', { namedCurve: 'P-384' })],
    ['Ed25519', () => generateKeyPairSync('ed25519')],
    ['RSA-2048', () => generateKeyPairSync('rsa', { modulusLength: 2048 })],
  ])('keeps the kind of key: %s', async (_, made) => {
    const { privateKey } = made();
    const ca = service.application.get(CaService, { strict: false });
    const { chainPem, certificate } = await ca.issue({
      request: requestFor(privateKey, 'veritas-worker'),
      requester: { actor: 'test', requestId: 'test', standing: 'operator' },
    });
    writeFileSync(path('worker.pem'), chainPem);
    writeFileSync(path('worker.key'), privateKey.export({ format: 'pem', type: 'pkcs8' }));
    expect(await renew(['--force'])).toMatchObject({ code: 0 });
    expect(leaf().publicKey.der).not.toEqual(certificate.publicKey.der);
    expect(leaf().publicKey.parameters).toEqual(certificate.publicKey.parameters);
  });

  it('goes over to P-256 where the profile does not take the kind of key any more', async () => {
    const profile = (...keyTypes: string[]) => ({
      VERITAS_PKI_PROFILES: JSON.stringify([
        { name: 'worker', purposes: ['clientAuth'], keyTypes, maximumLifetime: '1d' },
      ]),
    });
    const before = await startIn(temporaryFolder(), profile('P-256', 'Ed25519'));
    const { privateKey } = generateKeyPairSync('ed25519');
    const { chainPem } = await before.application.get(CaService, { strict: false }).issue({
      request: requestFor(privateKey, 'veritas-worker'),
      profile: 'worker',
      requester: { actor: 'test', requestId: 'test', standing: 'operator' },
    });
    await before.close();
    writeFileSync(path('worker.pem'), chainPem);
    writeFileSync(path('worker.key'), privateKey.export({ format: 'pem', type: 'pkcs8' }));
    const after = await startIn(before.folder, profile('P-256'));
    try {
      const ca = join(after.folder, 'certs/ca_bundle.pem');
      expect(await renew(['--force', '--ca', ca], after.ports.https)).toMatchObject({ code: 0 });
      expect(leaf().publicKey.parameters).toEqual({ type: 'ec', curve: 'P-256' });
    } finally {
      await after.close();
    }
  });

  it('follows a link to the key, and says where the old one is', async () => {
    const real = join(folder, 'elsewhere.key');
    renameSync(path('worker.key'), real);
    symlinkSync(real, path('worker.key'));
    const { out } = await renew(['--force', '--json']);
    expect(JSON.parse(out)).toMatchObject({ previous_key_file: `${realpathSync(real)}.old` });
    expect(readdirSync(folder).sort()).toEqual(['elsewhere.key', 'elsewhere.key.old', 'worker.key', 'worker.pem']);
  });

  it('does nothing when it is early, and says so', async () => {
    const before = contents();
    for (const more of [[], ['--before', '8h']]) {
      const { code, out, err } = await renew(more);
      expect([code, out, err]).toEqual([
        0,
        expect.stringMatching(/^Nothing to renew yet: .* --force renews it now\n$/),
        '',
      ]);
    }
    expect(JSON.parse((await renew(['--json'])).out)).toMatchObject({ renewed: false });
    expect(contents()).toEqual(before);
    expect((await renew(['--before', '25h'])).out).toMatch(/^Serial number/);
  });

  it('puts the new key elsewhere with --new-key, and never over another', async () => {
    const before = contents();
    expect(await renew(['--force', '--new-key', path('worker.key')])).toMatchObject({ code: 1 });
    expect(contents()).toEqual(before);
    expect(await renew(['--force', '--new-key', path('next.key')])).toMatchObject({ code: 0 });
    expect(read('worker.key')).toBe(before['worker.key']);
    expect(await renew(['--force'])).toMatchObject({ code: 3, err: expect.stringContaining('is not the key of') });
    const tls = { ...developmentTls(service.folder), cert: read('worker.pem'), key: read('next.key') };
    expect((await get(service.ports.https, '/api/v1/test', tls)).status).toBe(200);
  });

  it('is refused when the certificate was revoked, in the words of the service', async () => {
    const ca = service.application.get(CaService, { strict: false });
    const requester = { actor: 'test', requestId: 'test', standing: 'operator' } as const;
    await ca.revoke({ serialNumber: leaf().serialNumber, reason: 'superseded', requester });
    const before = contents();
    const { code, out, err } = await renew(['--force']);
    expect([code, out]).toEqual([1, '']);
    expect(err).toMatch(/veritas: the service refused: .*revoked.* \(certificate_revoked\)\n$/);
    for (const more of [[], ['--new-key', path('next.key')]]) await renew(['--force', ...more]);
    expect(contents()).toEqual(before);
  });

  it('talks to no server that it cannot trust, and says when there is none', async () => {
    const before = contents();
    writeFileSync(join(service.folder, 'other.pem'), TestCa.root().certificatePem);
    const stranger = await renew(['--force', '--ca', join(service.folder, 'other.pem')]);
    expect(stranger).toMatchObject({ code: 3, out: '' });
    expect(stranger.err).toMatch(
      /veritas: the server at https:\/\/localhost:\d+ is not trusted \([A-Z_]+\): name the CA/,
    );
    const gone = createServer().listen(0, '127.0.0.1');
    await once(gone, 'listening');
    const { port } = gone.address() as AddressInfo;
    gone.close();
    await once(gone, 'close');
    const nobody = await renew(['--force'], port);
    expect(nobody).toMatchObject({ code: 3, out: '' });
    expect(nobody.err).toMatch(/veritas: https:\/\/localhost:\d+ cannot be reached \(ECONNREFUSED\): look whether/);
    expect(contents()).toEqual(before);
  });
});

it('takes the cross-certificate of a root that is being replaced along, whichever roots are in the CA bundle', async () => {
  const rolling = await startIn();
  try {
    for (const step of ['prepare', 'publish'])
      expect(await commandLine(['ca', 'rollover', step, '--root'], environmentIn(rolling.folder))).toMatchObject({
        code: 0,
      });
    const ca = rolling.application.get(CaService, { strict: false });
    while (ca.authorities.every(({ state }) => state !== 'published')) await delay(10);
    const { chainPem, key } = await callerOf(rolling, 'veritas-worker', 'service');
    expect(decodePem(chainPem)).toHaveLength(3);
    writeFileSync(path('worker.pem'), chainPem);
    writeFileSync(path('worker.key'), key.export({ format: 'pem', type: 'pkcs8' }));
    for (const trust of ['ca_bundle.pem', 'root_ca.pem']) {
      const { code, err } = await renew(['--force', '--ca', join(rolling.folder, 'certs', trust)], rolling.ports.https);
      expect([code, err]).toEqual([0, expect.any(String)]);
      expect([trust, decodePem(read('worker.pem')).length]).toEqual([trust, 3]);
    }
  } finally {
    await rolling.close();
  }
});

describe('an answer that does not fit', () => {
  const authority = TestCa.root();
  const issuing = authority.intermediate();
  const name = { commonName: 'veritas-worker', names: [{ kind: 'dns', value: 'veritas-worker' }] } as const;
  interface Answer {
    status: number;
    body: string;
  }
  let answer: (request: Buffer) => Answer | Promise<Answer>;
  const fakeServer = () => {
    const { chainPem, keyPem } = issuing.issue({ names: [{ kind: 'dns', value: 'localhost' }] });
    return { cert: chainPem, key: keyPem, ca: authority.certificatePem, requestCert: true };
  };
  const server = createServer(fakeServer(), (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      void (async () => {
        const { status, body } = await answer(Buffer.concat(chunks));
        response.writeHead(status).end(body);
      })();
    });
  });
  const keyOf = (request: Buffer) => {
    const publicKey = decodeCertificationRequest(request).publicKey.keyObject;
    return { keyPair: { publicKey, privateKey: issuing.key } };
  };
  beforeAll(async () => {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterAll(() => {
    server.close();
  });
  beforeEach(() => {
    const old = issuing.issue(name);
    writeFileSync(path('worker.pem'), old.chainPem);
    writeFileSync(path('worker.key'), old.keyPem);
    writeFileSync(join(service.folder, 'fake.pem'), authority.certificatePem);
  });
  const ask = (more: readonly string[] = []) =>
    renew(['--force', '--ca', join(service.folder, 'fake.pem'), ...more], (server.address() as AddressInfo).port);
  const chain = (of: Pick<TestCa, 'chainPem'>) => ({ status: 201, body: of.chainPem });

  it.each<[string, RegExp, typeof answer]>([
    ['for another key', /is not used: it is for another key/, () => chain(issuing.issue(name))],
    [
      'for another subject',
      /another subject/,
      (request) => chain(issuing.issue({ ...name, commonName: 'admin-client', ...keyOf(request) })),
    ],
    [
      'with another name',
      /other names/,
      (request) => chain(issuing.issue({ ...name, names: [{ kind: 'dns', value: 'x' }], ...keyOf(request) })),
    ],
    [
      'for fewer purposes',
      /not used/,
      (request) => chain(issuing.issue({ ...name, purposes: [Oid.serverAuth], ...keyOf(request) })),
    ],
    [
      'of another CA',
      /not used/,
      (request) =>
        chain(
          TestCa.root()
            .intermediate()
            .issue({ ...name, ...keyOf(request) }),
        ),
    ],
    [
      'that has expired',
      /not used/,
      (request) => chain(issuing.issue({ ...name, notAfter: new Date(Date.now() - 1000), ...keyOf(request) })),
    ],
    [
      'that ended on its way',
      /not used/,
      async (request) => {
        const notAfter = new Date();
        const answered = chain(issuing.issue({ ...name, notAfter, ...keyOf(request) }));
        // Valid to the end of its last second.
        while (Date.now() < notAfter.getTime() + 1000) await delay(20);
        return answered;
      },
    ],
    ['that is none', /not used/, () => ({ status: 201, body: 'hello' })],
    ['too large', /larger than/, () => ({ status: 201, body: 'x'.repeat(70_000) })],
    ['of another program', /answered 404 without a reason/, () => ({ status: 404, body: '<html>' })],
    ['that leads elsewhere', /answered 302/, () => ({ status: 302, body: '' })],
    [
      'with words that move the cursor',
      /refused: no\\u001b\[2J \(busy\)/,
      () => ({ status: 503, body: JSON.stringify({ detail: 'no\u001b[2J', code: 'busy' }) }),
    ],
  ])('%s: the old files stay as they were', async (_, said, give) => {
    answer = give;
    const before = contents();
    for (const more of [[], ['--new-key', path('next.key')]]) {
      const { code, out, err } = await ask(more);
      expect([code, out, err]).toEqual([3, '', expect.stringMatching(said)]);
      expect(contents()).toEqual(before);
    }
  });

  it.each(['101 Switching Protocols', '100 Continue'])('of %s alone: refused, and nothing hangs', async (status) => {
    const { cert, key } = fakeServer();
    const protocol = createTlsServer({ cert, key, ALPNProtocols: ['http/1.1'] }, (socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => {
        const upgrade = status.startsWith('101') ? 'Connection: Upgrade\r\nUpgrade: websocket\r\n' : '';
        socket.write(`HTTP/1.1 ${status}\r\n${upgrade}\r\n`);
        if (upgrade === '') socket.end();
      });
    });
    protocol.listen(0, '127.0.0.1');
    await once(protocol, 'listening');
    const before = contents();
    const url = `https://localhost:${(protocol.address() as AddressInfo).port}`;
    const { code, out, err } = await ask(['--url', url]);
    expect([code, out]).toEqual([3, '']);
    expect(err).toMatch(/veritas: https:\/\/localhost:\d+ cannot be reached \(/);
    expect(contents()).toEqual(before);
    protocol.close();
  });

  it('is not even asked for from a server with another name', async () => {
    let asked = 0;
    answer = () => ({ status: 500 + asked++, body: '' });
    const { code, err } = await ask(['--url', `https://127.0.0.1:${(server.address() as AddressInfo).port}`]);
    expect([code, err]).toEqual([3, expect.stringContaining('is not trusted (ERR_TLS_CERT_ALTNAME_INVALID)')]);
    expect(asked).toBe(0);
  });

  it('is not used when somebody else changed the files meanwhile, or when the old key cannot be kept', async () => {
    const other = issuing.issue(name);
    answer = (request) => {
      writeFileSync(path('worker.pem'), other.chainPem);
      return chain(issuing.issue({ ...name, ...keyOf(request) }));
    };
    const key = read('worker.key');
    expect(await ask()).toMatchObject({ code: 1, err: expect.stringContaining('was changed meanwhile') });
    expect(contents()).toEqual({ 'worker.pem': other.chainPem, 'worker.key': key });
    writeFileSync(path('worker.key'), other.keyPem);
    mkdirSync(path('worker.key.old'));
    expect(await ask()).toMatchObject({ code: 3, err: expect.stringContaining('worker.key.old cannot be written') });
    expect(readdirSync(folder).sort()).toEqual(['worker.key', 'worker.key.old', 'worker.pem']);
    expect([read('worker.pem'), read('worker.key')]).toEqual([other.chainPem, other.keyPem]);
  });

  it('from a server that fits is taken, and only the certificates of its path', async () => {
    const stranger = TestCa.root().certificatePem;
    answer = (request) => ({ status: 201, body: issuing.issue({ ...name, ...keyOf(request) }).chainPem + stranger });
    expect(await ask()).toMatchObject({ code: 0 });
    expect(decodePem(read('worker.pem'))).toHaveLength(2);
  });

  it('is not used without a CA that stands between, though that is in the CA bundle', async () => {
    writeFileSync(join(service.folder, 'fake.pem'), authority.certificatePem + issuing.certificatePem);
    answer = (request) => {
      const { certificatePem, chainPem } = issuing.issue({ ...name, ...keyOf(request) });
      return { status: 201, body: isWhole ? chainPem : certificatePem };
    };
    let isWhole = false;
    const before = contents();
    expect(await ask()).toMatchObject({ code: 3, err: expect.stringContaining('it comes without the certificate of') });
    expect(contents()).toEqual(before);
    isWhole = true;
    expect(await ask()).toMatchObject({ code: 0 });
    expect(decodePem(read('worker.pem'))).toHaveLength(2);
  });
});
