import { once } from 'node:events';
import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import { Agent, createServer, request, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { HealthService } from '../../src/health/index.js';
import {
  CaService,
  CERTIFICATION_AUTHORITY,
  replaceFile,
  requestFor,
  type CertificationAuthority,
} from '../../src/pki/nest/index.js';
import type { RunningService } from '../../src/service.js';
import { commandLine, type Run } from '../support/command-line.js';
import { somebody } from '../support/temporary-authority.js';
import { environmentIn, getPlain, startIn } from '../support/service.js';

let service: RunningService & { folder: string };
let ca: CaService;
let peers: Peer[];
let unready: (() => Promise<string[]>) | undefined;
const file = (name: string): string => readFileSync(join(service.folder, 'certs', name), 'utf8');

beforeEach(async () => {
  service = await startIn();
  ca = service.application.get(CaService, { strict: false });
  peers = [];
});
afterEach(async () => {
  for (const peer of peers) await peer.stop();
  await unready?.();
  await service.close();
  rmSync(service.folder, { recursive: true });
});

/** The command line beside the running service: a process of its own, but for the process. */
const veritas = (...args: string[]): Promise<Run> => commandLine(args, environmentIn(service.folder));

/** Waits until `isSo`, which the test's timeout bounds. */
async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await delay(10);
}

/** A service as others run them: TLS both ways, one trust file, a certificate of ours that it renews; it calls all the others, again and again. */
class Peer {
  readonly #key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  readonly #keyPem = this.#key.export({ type: 'pkcs8', format: 'pem' });
  readonly #kept = new Agent({ keepAlive: true, maxSockets: 1 });
  #server: Server | undefined;
  #chainPem = '';
  #calling: Promise<void> | undefined;
  #stopped = false;
  calls = 0;
  readonly failed: string[] = [];

  constructor(
    readonly name: string,
    readonly trust: string,
  ) {}

  async start(): Promise<void> {
    await this.renew();
    this.#server = createServer(
      { ...this.#material(), requestCert: true, rejectUnauthorized: true, ca: this.trust },
      (_, response) => response.end('{"message":"here"}'),
    );
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#calling = this.#callAll();
  }

  /** A new certificate, of whoever signs now. */
  async renew(): Promise<void> {
    const issued = await ca.issue({
      request: requestFor(this.#key, this.name),
      names: [{ kind: 'dns', value: 'localhost' }],
      lifetime: 3600,
      requester: somebody,
    });
    this.#chainPem = issued.chainPem;
    this.#server?.setSecureContext({ ...this.#material(), ca: this.trust });
  }

  get port(): number {
    return (this.#server?.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#calling;
    this.#kept.destroy();
    this.#server?.closeAllConnections();
    this.#server?.close();
  }

  #material() {
    return { cert: this.#chainPem, key: this.#keyPem };
  }

  async #callAll(): Promise<void> {
    while (!this.#stopped) {
      await this.#call(service.ports.https, '/api/v1/test', 'veritas');
      await this.#call(service.ports.https, '/api/v1/test', 'veritas, kept alive', this.#kept);
      for (const peer of peers) if (!peer.#stopped && peer.#server) await this.#call(peer.port, '/', peer.name);
    }
  }

  async #call(port: number, path: string, whom: string, agent: Agent | false = false): Promise<void> {
    this.calls++;
    try {
      const { status, text } = await new Promise<{ status: number; text: string }>((resolve, reject) => {
        const options = { host: '127.0.0.1', servername: 'localhost', port, path, agent, ca: this.trust };
        request({ ...options, ...this.#material() }, (response) => {
          let text = '';
          response.setEncoding('utf8');
          response.on('data', (chunk: string) => (text += chunk));
          response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
          response.on('error', reject);
        })
          .on('error', reject)
          .end();
      });
      if (status !== 200) this.failed.push(`${this.name} to ${whom}: ${status} ${text}`);
    } catch (error) {
      this.failed.push(`${this.name} to ${whom}: ${(error as Error).message}`);
    }
  }
}

/**
 * Asks without a pause whether the service is ready, until it is told to stop; gives the parts that were not. How long a commit takes is the disk's matter:
 * a store that keeps others waiting for it is not meant.
 */
function watchReadiness(): () => Promise<string[]> {
  const health = service.application.get(HealthService, { strict: false });
  const watching = { stopped: false };
  const others: string[] = [];
  const watch = async (): Promise<void> => {
    while (!watching.stopped) {
      const { parts } = await health.report();
      for (const [name, part] of Object.entries(parts))
        if (part.state === 'down' && part.detail !== 'does not answer') others.push(`${name} ${part.detail}`);
      await delay(5);
    }
  };
  const ended = watch();
  return async () => {
    watching.stopped = true;
    await ended;
    return others;
  };
}

/** Everybody has called a few times more, and nobody in vain. */
async function allIsWell(): Promise<void> {
  const before = peers.map(({ calls }) => calls);
  await until(() => peers.every(({ calls }, index) => calls >= (before[index] ?? 0) + 8));
  expect(peers.flatMap(({ failed }) => failed)).toEqual([]);
}

/** A step, and the running service acts on it. */
async function step(name: string, states: Record<string, string>): Promise<void> {
  expect(await veritas('ca', 'rollover', name, '--root')).toMatchObject({ code: 0 });
  await until(() => ca.authorities.every(({ id, state }) => states[id] === state));
  await allIsWell();
}

test('a root is rolled over under load: no call fails, and the old one cannot be removed too early', async () => {
  const old = file('root_ca.pem');
  unready = watchReadiness();
  const start = async (name: string, trust: string): Promise<void> => {
    const peer = new Peer(name, trust);
    await peer.start();
    peers.push(peer);
  };
  const renewAll = async (): Promise<void> => {
    for (const peer of peers) await peer.renew();
    await allIsWell();
  };
  await start('veritas-client', old);
  await start('veritas-frontend', old);
  await allIsWell();

  for (const early of ['publish', 'activate', 'retire', 'remove'])
    expect(await veritas('ca', 'rollover', early, '--root')).toMatchObject({ code: 1 });
  await step('prepare', { root: 'active', issuing: 'active', 'root-2': 'prepared', 'issuing-2': 'prepared' });
  expect(await getPlain(service.ports.repository!, '/ca/root-2.cer')).toMatchObject({ status: 404 });

  await step('publish', { root: 'active', issuing: 'active', 'root-2': 'published', 'issuing-2': 'published' });
  for (const path of ['ca/root-2.cer', 'ca/issuing-2.pem', 'crl/root-2.crl', 'crl/issuing-2.crl', 'ca/cross.pem'])
    expect(await getPlain(service.ports.repository!, `/${path}`)).toMatchObject({ status: 200 });
  const served = (await getPlain(service.ports.repository!, '/ca/bundle.pem')).body.toString();
  expect(served).toBe(file('ca_bundle.pem'));
  const young = file('root-2_ca.pem');
  expect(served).toContain(young);
  // The listener's own file has the cross-certificate now; certificates from before get it when they are renewed.
  expect(file('server_cert.pem').match(/BEGIN/g)).toHaveLength(3);
  await renewAll();
  await until(() => isReached(young));
  await start('veritas-worker', old + young);
  await start('veritas-agent', young);
  await allIsWell();

  await step('activate', { root: 'published', issuing: 'published', 'root-2': 'active', 'issuing-2': 'active' });
  await renewAll();
  expect(ca.issuing.id).toBe('issuing-2');
  // And back, and again: each stage can be taken back while everybody calls.
  expect(await veritas('ca', 'rollover', 'activate', '--root', '--back')).toMatchObject({ code: 0 });
  await until(() => ca.issuing.id === 'issuing');
  await renewAll();
  await step('activate', { root: 'published', issuing: 'published', 'root-2': 'active', 'issuing-2': 'active' });
  await renewAll();

  await step('retire', { root: 'retired', issuing: 'retired', 'root-2': 'active', 'issuing-2': 'active' });
  const early = await veritas('ca', 'rollover', 'remove', '--root');
  expect(early.code).toBe(1);
  expect(early.err).toMatch(/valid certificates depend on root, the last until .*veritas-client/);
  const { issuers } = JSON.parse((await veritas('ca', 'rollover', 'status', '--json')).out) as {
    issuers: { id: string; safe_to_remove: boolean; valid_certificates: number }[];
  };
  expect(issuers.find(({ id }) => id === 'root')).toMatchObject({ safe_to_remove: false });
  expect(issuers.find(({ id }) => id === 'root')!.valid_certificates).toBeGreaterThan(0);
  await allIsWell();

  // The last of the old certificates are replaced, and revoked because they are superseded.
  const renewed = await ca.issue({
    request: requestFor(createPrivateKey(file('server_key.pem')), 'veritas.local'),
    profile: 'server',
    names: [{ kind: 'dns', value: 'localhost' }],
    requester: somebody,
  });
  replaceFile(join(service.folder, 'certs/server_cert.pem'), renewed.chainPem, 0o644);
  const { rows } = await ca.list({ status: 'active', limit: 1000 });
  for (const { serial } of rows.filter(({ issuer }) => issuer === 'issuing'))
    await ca.revoke({ serialNumber: serial, reason: 'superseded', requester: somebody });
  await step('remove', { root: 'removed', issuing: 'removed', 'root-2': 'active', 'issuing-2': 'active' });
  expect(file('ca_bundle.pem')).not.toContain(old);
  await renewAll();
  expect(await unready()).toEqual([]);
  const authority = service.application.get<CertificationAuthority>(CERTIFICATION_AUTHORITY, { strict: false });
  expect(await authority.audit.verify()).toMatchObject({ ok: true });
}, 60_000);

/** Whether the service is believed by who trusts `root` alone. */
function isReached(root: string): Promise<boolean> {
  return new Promise((resolve) => {
    const options = { host: '127.0.0.1', servername: 'localhost', port: service.ports.https, path: '/health' };
    request({ ...options, agent: false, ca: root }, (response) => {
      response.resume();
      resolve(true);
    })
      .on('error', () => resolve(false))
      .end();
  });
}
