import { existsSync, readFileSync, utimesSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { generateKeyPairSync } from 'node:crypto';
import { loadConfiguration } from '../../../src/configuration/index.js';
import { CaService } from '../../../src/pki/ca.service.js';
import { requestFor } from '../../../src/pki/issuance/own-request.js';
import { startService, type RunningService } from '../../../src/service.js';
import { environmentOf, folderOf, OWN, prepareCommands, runCommand, type Where } from './commands.js';
import type { Acknowledge, Acknowledged, Work } from './operations.js';

/** The service whose entry is changed over HTTP. */
export const ENTRY = 'orders';
const HOUR = 3_600_000;
const [CERTIFICATE, KEY] = ['worker.pem', 'worker.key'];
const ownFile = (where: Where, name: string): string => join(folderOf(where), OWN, name);

/** The files of the daemon. */
export const workerFiles = (where: Where) => ({
  certificateFile: ownFile(where, CERTIFICATE),
  keyFile: ownFile(where, KEY),
});

/** What the daemon begins with: a certificate and its key. */
export async function prepareService(where: Where): Promise<void> {
  prepareCommands(where);
  const { certificateFile } = workerFiles(where);
  // As if it had been killed a while ago: a minute long nobody can see whether another one is at it.
  const lock = ownFile(where, `.${CERTIFICATE}.lock`);
  if (existsSync(lock)) utimesSync(lock, 0, 0);
  if (existsSync(certificateFile)) return;
  const files = ['--cert', `${OWN}/${CERTIFICATE}`, '--key', `${OWN}/${KEY}`];
  const { code, err } = await runCommand(where, ['issue', '--service', 'veritas-worker', ...files]);
  if (code !== 0) throw new Error(err);
}

/** The whole service on a place, until it is killed: an administrator edits its registry over HTTPS, and a daemon renews a certificate again and again. */
export async function serve(work: Work, acknowledge: Acknowledge): Promise<void> {
  const service = await startOn(work);
  const change = await administratorOf(work, service);
  let renewed = Promise.withResolvers<undefined>();
  void renewals(work, service, (line) => {
    const { event, serial_number: serial } = JSON.parse(line) as { event: string; serial_number: string };
    if (event !== 'renewed') throw new Error(line);
    acknowledge({ kind: 'renewed', serial });
    renewed.resolve(undefined);
  });
  const end = work.times ?? Number.POSITIVE_INFINITY;
  for (let turn = 0; turn < end; turn++) {
    for (const state of ['allowed', 'denied', 'removed'] as const) acknowledge(await change(state));
    await renewed.promise;
    renewed = Promise.withResolvers();
    // The daemon looks at once, and by its clock it is time.
    process.kill(process.pid, 'SIGHUP');
  }
}

/** The next start, which needs no hand: the registry is edited once more, and the certificate renewed. */
export async function serveAgain(work: Where): Promise<void> {
  await prepareService(work);
  const service = await startOn(work);
  try {
    const change = await administratorOf(work, service);
    await change('allowed');
    const { code, err } = await runCommand(work, ['renew', '--force', ...renewalOf(service)]);
    if (code !== 0) throw new Error(err);
  } finally {
    await service.close();
  }
}

const startOn = (where: Where): Promise<RunningService> =>
  startService(
    loadConfiguration({
      environment: {
        ...environmentOf(where),
        VERITAS_HTTP_PORT: '0',
        VERITAS_HTTP_HOST: '127.0.0.1',
        VERITAS_REPOSITORY_PORT: '0',
        VERITAS_REPOSITORY_HOST: '127.0.0.1',
        VERITAS_LOG_LEVEL: 'silent',
      },
    }),
  );

const renewalOf = ({ ports }: RunningService): readonly string[] => [
  '--cert',
  `${OWN}/${CERTIFICATE}`,
  '--key',
  `${OWN}/${KEY}`,
  '--url',
  `https://localhost:${ports.https}`,
];

/** By its clock each certificate is due as soon as it is there. */
const renewals = (work: Where, service: RunningService, heard: (line: string) => void) =>
  runCommand(work, ['renew', '--daemon', '--json', '--at', '0.1', ...renewalOf(service)], {
    now: () => new Date(Date.now() + 3 * HOUR),
    heard,
  });

/** Changes the entry as an administrator does, and says what the service answered. */
async function administratorOf(work: Where, { application, ports }: RunningService) {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { chainPem } = await application.get(CaService, { strict: false }).issue({
    request: requestFor(privateKey, 'admin-client'),
    profile: 'client',
    requester: { actor: 'kill-rig', requestId: 'kill-rig', standing: 'operator' },
  });
  const options = {
    host: '127.0.0.1',
    port: ports.https,
    servername: 'localhost',
    path: `/api/v1/services/${ENTRY}`,
    agent: false,
    headers: { 'content-type': 'application/json' },
    ca: readFileSync(join(folderOf(work), 'certs/ca_bundle.pem')),
    cert: chainPem,
    key: privateKey.export({ format: 'pem', type: 'pkcs8' }),
  };
  let version = 0;
  return (state: 'allowed' | 'denied' | 'removed'): Promise<Acknowledged> =>
    new Promise((resolve, reject) => {
      const asked = request({ ...options, method: state === 'removed' ? 'DELETE' : 'PUT' }, (response) => {
        response.resume();
        // A removal has no version to say: it is the one after the last.
        version = state === 'removed' ? version + 1 : Number(/\d+/.exec(response.headers.etag ?? '')?.[0]);
        response.on('end', () => {
          if (response.statusCode === 200 || response.statusCode === 201)
            resolve({ kind: 'registered', version, state });
          else reject(new Error(`${state}: ${response.statusCode}`));
        });
      });
      asked.on('error', reject);
      asked.end(state === 'removed' ? undefined : JSON.stringify({ state }));
    });
}
