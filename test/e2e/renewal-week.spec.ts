import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, get, type Agent } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Server, TLSSocket } from 'node:tls';
import { Controller, Get, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { request } from 'undici';
import { createHttpAdapter } from '../../src/listener/http-adapter.js';
import { ClientIdentity, MtlsModule } from '../../src/mtls/index.js';
import {
  DEFAULT_TLS_SETTINGS,
  openTlsClient,
  readTlsMaterial,
  renewFiles,
  serverOptions,
  TlsReloader,
  type RenewalAgent,
  type RenewalEvent,
  type TlsClient,
} from '../../src/tls/index.js';
import { decodeCertificate } from '../../src/x509/index.js';
import { newKey } from '../support/certificate-client.js';
import { requestFor } from '../../src/pki/index.js';
import { temporaryFolder, writeFiles } from '../support/folder.js';
import { LogLines } from '../support/guarded-app.js';
import { SimulatedTime } from '../support/simulated-time.js';
import {
  openTemporaryAuthority,
  somebody,
  temporarySettings,
  type TemporaryAuthority,
} from '../support/temporary-authority.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const LIMITS = {
  requestTimeout: 30_000,
  headersTimeout: 10_000,
  handshakeTimeout: 10_000,
  keepAliveTimeout: 72_000,
  answerTimeout: 30_000,
  maxConnections: 1000,
  maxHeaderSize: 16_384,
  bodyLimit: 65_536,
};

@Controller()
class CallsController {
  @Get('calls')
  call(@ClientIdentity() who: ClientIdentity): object {
    return { service: who.service, serial: who.serialNumber };
  }
}

/** The CA that the services renew with: real, by the simulated clock, its own server certificate good for the whole time. */
class Door {
  #server: ReturnType<typeof createServer> | undefined;
  port = 0;

  constructor(
    private readonly authority: TemporaryAuthority['authority'],
    private readonly tls: { readonly cert: string; readonly key: string },
  ) {}

  async open(): Promise<void> {
    this.#server = createServer({ ...this.tls, requestCert: true, rejectUnauthorized: false }, (incoming, response) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('end', () => {
        const { raw } = (incoming.socket as TLSSocket).getPeerX509Certificate() ?? {};
        this.authority.ca
          .renew({ request: Buffer.concat(chunks), holder: decodeCertificate(raw!), requester: somebody })
          .then(
            ({ chainPem }) => response.writeHead(201).end(chainPem),
            (error: unknown) => response.writeHead(400).end(JSON.stringify({ detail: String(error), code: 'refused' })),
          );
      });
    });
    await once(this.#server.listen(this.port, '127.0.0.1'), 'listening');
    this.port = (this.#server.address() as AddressInfo).port;
  }

  close(): void {
    this.#server?.close();
    this.#server?.closeAllConnections();
  }
}

/** A service with a guard, a client and a renewal agent, all by its own clock. */
interface Service {
  readonly name: string;
  readonly port: number;
  readonly client: TlsClient;
  readonly agent: RenewalAgent;
  readonly events: RenewalEvent[];
  readonly close: () => Promise<void>;
}

let place: TemporaryAuthority;
let door: Door;
let time: SimulatedTime;
const anchors = (): string => place.authority.ca.trustBundle;

beforeAll(async () => {
  const settings = { ...temporarySettings(temporaryFolder()), backdate: 600 };
  time = new SimulatedTime();
  place = await openTemporaryAuthority({ settings, now: () => time.now() });
  const key = newKey();
  const { chainPem } = await place.authority.ca.issue({
    request: requestFor(key, 'ca.local'),
    profile: 'server',
    service: 'ca.local',
    names: [{ kind: 'dns', value: 'localhost' }],
    lifetime: (60 * DAY) / 1000,
    requester: somebody,
  });
  door = new Door(place.authority, { cert: chainPem, key: key.export({ format: 'pem', type: 'pkcs8' }).toString() });
  await door.open();
});
afterAll(async () => {
  door.close();
  await place.close();
});

async function startService(name: string, skew: () => number): Promise<Service> {
  const clock = time.clock(skew);
  const key = newKey();
  const { chainPem } = await place.authority.ca.issue({
    request: requestFor(key, name),
    profile: 'service',
    service: name,
    requester: somebody,
  });
  const paths = writeFiles(temporaryFolder(), {
    'cert.pem': chainPem,
    'key.pem': key.export({ format: 'pem', type: 'pkcs8' }),
    'ca.pem': anchors(),
  });
  const files = { certificateFile: paths['cert.pem'], keyFile: paths['key.pem'], caFile: paths['ca.pem'] };
  const settings = {
    ...DEFAULT_TLS_SETTINGS,
    sessionTimeout: 300,
    sessionTickets: true,
    clientAuth: 'optional',
  } as const;

  @Module({
    imports: [MtlsModule.forRoot({ trustAnchors: readFileSync(files.caFile), services: ['orders', 'billing'], clock })],
    controllers: [CallsController],
  })
  class ServiceModule {}

  const material = await readTlsMaterial(files, clock());
  const app = await NestFactory.create<NestFastifyApplication>(
    ServiceModule,
    createHttpAdapter(LIMITS, serverOptions(settings, material)),
    {
      logger: LogLines.shared,
      abortOnError: false,
      forceCloseConnections: true,
    },
  );
  await app.listen(0, '127.0.0.1');
  const listener = app.getHttpServer() as unknown as Server;
  const watching = { interval: DAY, clock, report: () => undefined };
  const reloader = new TlsReloader(listener, settings, files, material, watching);
  const client = await openTlsClient({ ...files, clock, reloadInterval: 10 * MINUTE });
  const events: RenewalEvent[] = [];
  const agent = renewFiles({
    ...files,
    url: new URL(`https://localhost:${door.port}`),
    clock,
    timer: time.timer,
    report: (event) => events.push(event),
    onRenewed: async () => {
      await reloader.reload();
      await client.reload();
    },
  });
  await agent.start();
  return {
    name,
    port: (listener.address() as AddressInfo).port,
    client,
    agent,
    events,
    close: async () => {
      await agent.stop();
      await client.close();
      await app.close();
    },
  };
}

/** By `https.Agent`: the status, or what went wrong. */
function getStatus(agent: Agent, port: number): Promise<string> {
  return new Promise((resolve) => {
    get({ host: 'localhost', port, path: '/calls', agent }, (response) => {
      response.on('end', () => {
        resolve(String(response.statusCode));
      });
      response.resume();
    }).on('error', (error) => {
      resolve(error.message);
    });
  });
}

/** Two services that call each other every few minutes for so many hours, with things that happen at some hour. Gives each call that did not get 200. */
async function live(
  hours: number,
  happening: readonly (readonly [hour: number, what: () => void | Promise<void>])[],
  { minutes = 10, skew = () => 0 }: { readonly minutes?: number; readonly skew?: () => number } = {},
): Promise<{ failed: string[]; calls: number; services: readonly [Service, Service] }> {
  const orders = await startService('orders', () => 0);
  const billing = await startService('billing', skew);
  const agent = orders.client.agent({ peer: 'billing' });
  const dispatcher = await billing.client.dispatcher({ peer: 'orders' });
  const begin = time.now().getTime();
  const failed: string[] = [];
  let calls = 0;
  const note = (who: string, answer: string): void => {
    calls++;
    if (answer !== '200')
      failed.push(`${who} at hour ${((time.now().getTime() - begin) / HOUR).toFixed(2)}: ${answer}`);
  };
  const call = async (): Promise<void> => {
    const [one, two] = await Promise.all([
      getStatus(agent, billing.port),
      request(`https://localhost:${orders.port}/calls`, { dispatcher }).then(
        async ({ statusCode, body }) => {
          await body.dump();
          return String(statusCode);
        },
        (error: unknown) => String(error),
      ),
    ]);
    note('orders', one);
    note('billing', two);
  };
  for (const [hour, what] of happening) time.timer(async () => what(), hour * HOUR);
  let isOver = false;
  const again = async (): Promise<void> => {
    await call();
    if (!isOver) time.timer(again, minutes * MINUTE);
  };
  await again();
  await time.pass(hours * HOUR);
  isOver = true;
  for (const service of [orders, billing]) await service.close();
  return { failed, calls, services: [orders, billing] };
}

const renewals = ({ events }: Service): RenewalEvent[] => events.filter(({ kind }) => kind === 'renewed');
const failures = ({ events }: Service) => events.filter((event) => event.kind === 'failed');

describe('certificates of 24 hours, renewed by themselves, in simulated time', () => {
  test('a week, with the CA away for ten hours over the time of renewal, and a clock that is five minutes behind, then ahead: no call fails', async () => {
    let skew = 0;
    const outage = 27.5;
    const { failed, calls, services } = await live(
      7 * 24,
      [
        [
          outage,
          () => {
            door.close();
          },
        ],
        [outage + 10, () => door.open()],
        [
          60,
          () => {
            skew = -5 * MINUTE;
          },
        ],
        [
          100,
          () => {
            skew = 5 * MINUTE;
          },
        ],
      ],
      { skew: () => skew },
    );
    expect(failed).toEqual([]);
    expect(calls).toBe(2 * (7 * 24 * 6 + 1));
    for (const service of services) {
      expect(renewals(service).length).toBeGreaterThanOrEqual(9);
      expect(renewals(service).length).toBeLessThanOrEqual(12);
      // Warned of as soon as it began, and loudly when half of the time was gone.
      const levels = failures(service).map(({ level }) => level);
      expect(levels[0]).toBe('warn');
      expect(levels.at(-1)).toBe('error');
      expect(levels).toHaveLength(failures(service).at(-1)!.attempt);
    }
  });

  test('an outage that is longer than what is left does cost calls, from the end of the certificates on', async () => {
    const closing = (): void => {
      door.close();
    };
    const { failed } = await live(26, [[13, closing]], { minutes: 30 });
    await door.open();
    const hours = failed.map((line) => Number(/hour ([\d.]+)/.exec(line)![1]));
    expect(Math.min(...hours)).toBeGreaterThanOrEqual(24);
    expect(failed.length).toBeGreaterThan(4);
  });
});
