import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { CaService, requestFor } from '../../src/pki/index.js';
import { openTlsClient, renewFiles, type RenewalEvent } from '../../src/tls/index.js';
import { decodeCertificate, decodePem } from '../../src/x509/index.js';
import { commandLine } from '../support/command-line.js';
import { newKey } from '../support/certificate-client.js';
import { temporaryFolder } from '../support/folder.js';
import { startIn } from '../support/service.js';
import { SimulatedTime } from '../support/simulated-time.js';

// Of so short a lifetime two thirds, counted from the backdated beginning, are over at once.
const DUE = 100;
let service: Awaited<ReturnType<typeof startIn>>;
let counter = 0;

const leafIn = (path: string) => decodeCertificate(decodePem(readFileSync(path, 'utf8'))[0]!.octets);

/** A pair in the place of another, due unless it has a lifetime: its own new key and certificate. */
async function placePair(
  folder: string,
  [certificateFile, keyFile]: readonly [string, string],
  wanted: {
    readonly profile: string;
    readonly service: string;
    readonly lifetime?: number;
    readonly names?: readonly { readonly kind: 'dns'; readonly value: string }[];
  },
) {
  const key = newKey();
  const requester = { actor: 'test', requestId: 'test', standing: 'operator' } as const;
  const ca = service.application.get(CaService, { strict: false });
  const { chainPem } = await ca.issue({
    request: requestFor(key, wanted.service),
    lifetime: DUE,
    requester,
    ...wanted,
  });
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, certificateFile), chainPem);
  writeFileSync(join(folder, keyFile), key.export({ format: 'pem', type: 'pkcs8' }), { mode: 0o600 });
}

beforeAll(async () => {
  service = await startIn();
});
afterAll(() => service.close());

describe('veritas renew --daemon', () => {
  /** Runs it until `until` has come out, then ends it as systemd does. */
  async function run(args: readonly string[], until: RegExp) {
    let [out, err] = ['', ''];
    const see = (): void => {
      if (until.test(out + err)) process.emit('SIGTERM');
    };
    const streams = {
      out: (text: string) => {
        out += text;
        setImmediate(see);
      },
      err: (text: string) => {
        err += text;
        setImmediate(see);
      },
    };
    const { code } = await commandLine(['renew', '--daemon', ...args], {}, { streams });
    expect(out + err).not.toContain('PRIVATE');
    return { code, out, err };
  }
  async function duePair(): Promise<{ cert: string; flags: string[] }> {
    const folder = join(service.folder, `daemon-${counter++}`);
    await placePair(folder, ['worker.pem', 'worker.key'], { profile: 'service', service: 'veritas-worker' });
    const [cert, key, ca] = [
      join(folder, 'worker.pem'),
      join(folder, 'worker.key'),
      join(service.folder, 'certs/ca_bundle.pem'),
    ];
    return { cert, flags: ['--cert', cert, '--key', key, '--ca', ca] };
  }
  const url = (): string => `https://localhost:${service.ports.https}`;

  it('renews what is due, says when the next time is, and ends with 0 when it is told to', async () => {
    const { cert, flags } = await duePair();
    const before = leafIn(cert).serialNumber;
    const { code, out, err } = await run([...flags, '--url', url()], /next renewal/);
    const after = leafIn(cert);
    expect(after.serialNumber).not.toBe(before);
    expect([code, out]).toEqual([0, `Renewed: ${after.serialNumber} is valid until ${after.notAfter.toISOString()}\n`]);
    const [, next = ''] = /^The next renewal is due at (\S+Z)\.\n$/.exec(err) ?? [];
    expect(Date.parse(next)).toBeGreaterThan(Date.now());
  });

  it('has renewed, also in an application, whatever becomes of who is told', async () => {
    const { cert, flags } = await duePair();
    const [, , , keyFile = '', , caFile = ''] = flags;
    const before = leafIn(cert).serialNumber;
    const events: RenewalEvent[] = [];
    const agent = renewFiles({
      certificateFile: cert,
      keyFile,
      caFile,
      url: new URL(url()),
      report: (event) => events.push(event),
      onRenewed: () => Promise.reject(new Error('nobody listens')),
    });
    await agent.start();
    await agent.stop();
    expect(events.map(({ kind }) => kind)).toEqual(['renewed']);
    expect(leafIn(cert).serialNumber).not.toBe(before);
  });

  it('goes on when who is told never comes to an end, with a warning', async () => {
    const { cert, flags } = await duePair();
    const [, , , keyFile = '', , caFile = ''] = flags;
    const time = new SimulatedTime();
    const events: RenewalEvent[] = [];
    const told = Promise.withResolvers<undefined>();
    const agent = renewFiles({
      certificateFile: cert,
      keyFile,
      caFile,
      url: new URL(url()),
      timer: time.timer,
      report: (event) => events.push(event),
      onRenewed: () => {
        told.resolve(undefined);
        return new Promise(() => undefined);
      },
    });
    const started = agent.start();
    await told.promise;
    const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    await time.pass(30_000);
    await started;
    expect(events.map(({ kind }) => kind)).toEqual(['renewed']);
    expect(warn.mock.calls).toEqual([['what is told of a renewed certificate failed: it took more than 30 seconds']]);
    warn.mockRestore();
    await agent.stop();
  });

  it('tries again at once at SIGHUP, and goes on', async () => {
    const { flags } = await duePair();
    process.once('SIGHUP', () => undefined);
    const attempts: { readonly attempt: string; readonly retryAt: number; readonly seenAt: number }[] = [];
    const streams = {
      out: () => undefined,
      err: (text: string) => {
        const [, attempt = '', retryAt = ''] = /attempt (\d+)\).*trying again at ([^;]+);/.exec(text) ?? [];
        attempts.push({ attempt, retryAt: Date.parse(retryAt), seenAt: Date.now() });
        setImmediate(() => process.emit(attempts.length === 1 ? 'SIGHUP' : 'SIGTERM'));
      },
    };
    const gone = ['--url', 'https://localhost:1'];
    const { code } = await commandLine(['renew', '--daemon', ...flags, ...gone], {}, { streams });
    expect([code, attempts.map(({ attempt }) => attempt)]).toEqual([0, ['1', '2']]);
    expect(attempts[1]?.seenAt).toBeLessThan(attempts[0]?.retryAt ?? 0);
  });

  it('says what went wrong and when it tries again, as a sentence or as lines of JSON', async () => {
    const { cert, flags } = await duePair();
    const { serialNumber, notAfter } = leafIn(cert);
    const gone = 'https://localhost:1';
    const text = await run([...flags, '--url', gone], /not renewed/);
    expect([text.code, text.out]).toEqual([0, '']);
    expect(text.err).toMatch(
      /^(?:warn|error): not renewed \(attempt 1\): https:\/\/localhost:1 cannot be reached \(ECONNREFUSED\); trying again at .*; the certificate is valid until .*\n$/,
    );
    const { out } = await run([...flags, '--url', gone, '--json'], /renewal_failed/);
    expect(JSON.parse(out)).toMatchObject({ event: 'renewal_failed', attempt: 1, not_after: notAfter.toISOString() });
    expect(leafIn(cert).serialNumber).toBe(serialNumber);
  });

  it('keeps a file of metrics: when the certificate ends, and how often in a row it was not renewed', async () => {
    const { cert, flags } = await duePair();
    const file = join(service.folder, `daemon-${counter++}.prom`);
    const metrics = () => readFileSync(file, 'utf8').split('\n');
    const series = (name: string, value: number) => `veritas_${name}{certificate="${cert}"} ${value}`;
    await run([...flags, '--url', 'https://localhost:1', '--metrics', file], /not renewed/);
    expect(metrics()).toEqual(
      expect.arrayContaining([
        '# TYPE veritas_renewal_failed_attempts gauge',
        series('renewal_failed_attempts', 1),
        series('renewals_failed_total', 1),
        series('certificate_not_after_seconds', leafIn(cert).notAfter.getTime() / 1000),
      ]),
    );
    await run([...flags, '--url', url(), '--metrics', file], /next renewal/);
    expect(metrics()).toEqual(
      expect.arrayContaining([
        series('renewal_failed_attempts', 0),
        series('renewals_total', 1),
        series('certificate_not_before_seconds', leafIn(cert).notBefore.getTime() / 1000),
        series('certificate_not_after_seconds', leafIn(cert).notAfter.getTime() / 1000),
      ]),
    );
    const [, , , key = ''] = flags;
    expect(await run([...flags, '--url', url(), '--metrics', key], /never/)).toMatchObject({ code: 1, out: '' });
  });

  it('says what somebody else put in place of a certificate that was not renewed, in its metrics too', async () => {
    const { cert, flags } = await duePair();
    const file = join(service.folder, `daemon-${counter++}.prom`);
    const found: string[] = [];
    const streams = {
      out: (text: string) => {
        found.push(text);
        setImmediate(() => process.emit('SIGTERM'));
      },
      err: () => {
        const wanted = { profile: 'service', service: 'veritas-worker', lifetime: 3600 };
        void placePair(dirname(cert), ['worker.pem', 'worker.key'], wanted).then(() => process.emit('SIGHUP'));
      },
    };
    await commandLine(
      ['renew', '--daemon', ...flags, '--url', 'https://localhost:1', '--metrics', file],
      {},
      { streams },
    );
    const { serialNumber, notAfter } = leafIn(cert);
    expect(found).toEqual([`Found: ${serialNumber} is valid until ${notAfter.toISOString()}\n`]);
    const series = readFileSync(file, 'utf8').split('\n');
    expect(series).toContain(`veritas_renewal_failed_attempts{certificate="${cert}"} 0`);
    expect(series).toContain(
      `veritas_certificate_not_after_seconds{certificate="${cert}"} ${notAfter.getTime() / 1000}`,
    );
  });

  it('does not begin with files that cannot be used, or flags that say something else', async () => {
    const { flags } = await duePair();
    const never = /never/;
    expect(await run(['--cert', '/nowhere/a.pem', '--key', '/nowhere/a.key', '--url', url()], never)).toMatchObject({
      code: 3,
      out: '',
    });
    expect(await run([...flags, '--ca', '/nowhere/ca.pem', '--url', url()], never)).toMatchObject({ code: 3, out: '' });
    for (const more of [['--force'], ['--before', '8h'], ['--at', '1.5']])
      expect(await run([...flags, ...more], never)).toMatchObject({ code: 2 });
  });
});

describe("the service's own certificate", () => {
  it.each([
    ['auto', true],
    ['off', false],
  ])('with tls.renewal %s: renewed at the start when it is due: %s', async (renewal, isRenewed) => {
    const folder = temporaryFolder();
    await service.close();
    service = await startIn(folder);
    const certs = join(folder, 'certs');
    await placePair(certs, ['server_cert.pem', 'server_key.pem'], {
      profile: 'server',
      service: 'veritas.local',
      names: [{ kind: 'dns', value: 'localhost' }],
    });
    const due = leafIn(join(certs, 'server_cert.pem')).serialNumber;
    await service.close();
    service = await startIn(folder, { VERITAS_TLS_RENEWAL: renewal });
    const newClient = () =>
      openTlsClient({
        certificateFile: join(certs, 'client_cert.pem'),
        keyFile: join(certs, 'client_key.pem'),
        caFile: join(certs, 'ca_bundle.pem'),
      });
    // By a client of its own: a session that is resumed is with the certificate of its first handshake.
    const presented = async (): Promise<string> => {
      const client = await newClient();
      const { socket, path } = await client.connect({
        host: 'localhost',
        port: service.ports.https,
        peer: 'veritas.local',
      });
      socket.destroy();
      await client.close();
      return path.leaf.serialNumber;
    };
    if (isRenewed) for (let serial = due; serial === due;) serial = await presented();
    expect((await presented()) === due).toBe(!isRenewed);
    const client = await newClient();
    expect((await client.fetch(`https://localhost:${service.ports.https}/api/v1/test`)).status).toBe(200);
    await client.close();
  });
});
