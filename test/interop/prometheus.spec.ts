import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, test } from '@jest/globals';
import { RenewalMetrics } from '../../src/commands/renewal-metrics.js';
import { EventBus } from '../../src/events/index.js';
import { decodeCertificate, decodePem } from '../../src/x509/index.js';
import { callerOf, type Caller } from '../support/certificate-client.js';
import { get } from '../support/client.js';
import { temporaryFolder } from '../support/folder.js';
import { freePort } from '../support/free-port.js';
import { startIn } from '../support/service.js';

let service: Awaited<ReturnType<typeof startIn>>;
let monitoring: Caller;
let prometheus: ChildProcess | undefined;
let api: string;
const folder = temporaryFolder();

/** The value of the one series that a query gives; undefined where it gives none, or nobody answers. */
async function query(text: string): Promise<number | undefined> {
  const response = await fetch(`${api}/api/v1/query?query=${encodeURIComponent(text)}`).catch(() => undefined);
  if (!response?.ok) return undefined;
  const { data } = (await response.json()) as { data: { result: { value: [number, string] }[] } };
  const [series] = data.result;
  return series && Number(series.value[1]);
}

/** Waits until a query gives a value: a page that is late once leaves no series until the next one. */
async function until(text: string, value: number): Promise<void> {
  while ((await query(text)) !== value) await wait(100);
}

beforeAll(async () => {
  service = await startIn();
  monitoring = await callerOf(service, 'monitoring-service');
  // The files of config/prometheus as they are, but for where the service listens and how often it is asked.
  cpSync('config/prometheus', folder, { recursive: true });
  const file = join(folder, 'prometheus.yaml');
  writeFileSync(
    file,
    `global: { scrape_interval: 1s, evaluation_interval: 200ms }\n${readFileSync(file, 'utf8').replace('localhost:5000', `localhost:${service.ports.https}`)}`,
  );
  writeFileSync(join(folder, 'monitoring.pem'), monitoring.chainPem);
  writeFileSync(join(folder, 'monitoring.key'), monitoring.key.export({ format: 'pem', type: 'pkcs8' }));
  cpSync(join(service.folder, 'certs/ca_bundle.pem'), join(folder, 'ca_bundle.pem'));
  const port = await freePort();
  api = `http://127.0.0.1:${port}`;
  prometheus = spawn(
    'prometheus',
    [
      `--config.file=${file}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--log.level=error',
    ],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
  await until('up{job="veritas"}', 1);
});
afterAll(async () => {
  if (prometheus) {
    prometheus.kill('SIGKILL');
    await once(prometheus, 'exit');
  }
  await service.close();
});

test('promtool finds nothing wrong with the page, the configuration and the alerts', async () => {
  const { text } = await get(service.ports.https, '/metrics', monitoring.tls);
  // What Node.js' own metrics are called is not ours.
  const ours = text
    .split('\n')
    .filter((line) => /^(# (HELP|TYPE) )?veritas_/.test(line))
    .join('\n');
  execFileSync('promtool', ['check', 'metrics'], { input: `${ours}\n`, stdio: ['pipe', 'pipe', 'pipe'] });
  const renewal = join(folder, 'worker.prom');
  new RenewalMetrics(renewal, 'a "b" c\\d.pem', decodeCertificate(decodePem(monitoring.chainPem)[0]!.octets));
  execFileSync('promtool', ['check', 'metrics'], { input: readFileSync(renewal), stdio: ['pipe', 'pipe', 'pipe'] });
  execFileSync('promtool', ['check', 'config', join(folder, 'prometheus.yaml')], { stdio: 'pipe' });
});

test('a real Prometheus reads them over mutual TLS, and its alerts see what they are about', async () => {
  await until('count(veritas_authority_not_after_seconds)', 2);
  await until('veritas_crl_number{issuer="issuing"}', 1);
  await until('count(ALERTS) or vector(0)', 0);
  service.application
    .get(EventBus, { strict: false })
    .emit('renewal.failed', { level: 'warn', why: 'no', attempt: 3, retryAt: new Date(), notAfter: undefined });
  await until('ALERTS{alertname="VeritasRenewalFails",alertstate="firing"}', 1);
});
