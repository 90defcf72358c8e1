// The whole service, which signs its list anew and reads another CA's list anew all the while it was told to, and says how often it did.
import { utimesSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { CrlRevocation } from '../../src/revocation/index.js';
import { CrlService } from '../../src/pki/index.js';
import { startService } from '../../src/service.js';
import { configurationIn } from '../support/configuration.js';

const [folder = '', source = '', issuer = ''] = process.argv.slice(2);
const configuration = configurationIn(folder, '0', { VERITAS_LOG_LEVEL: 'silent' });
const { application, ports } = await startService({
  ...configuration,
  mtls: { ...configuration.mtls, crls: [{ source, issuer }], crlRefreshInterval: 50 },
});
const crls = application.get(CrlService, { strict: false });
const foreign = application.get(CrlRevocation, { strict: false });
while (foreign.epoch === 0) await delay(10);

let isBusy = false;
let done: Promise<unknown> = Promise.resolve();
const count = { written: 0, read: 0 };

async function write(): Promise<void> {
  for (; isBusy; count.written++) await crls.sign('issuing', { actor: 'bench', requestId: 'bench' });
}

async function read(): Promise<void> {
  for (; isBusy; count.read++) {
    const { epoch } = foreign;
    const now = new Date();
    utimesSync(source, now, now);
    while (foreign.epoch === epoch) await delay(10);
  }
}

process.on('message', (message: 'usage' | 'write' | 'read' | 'both' | 'rest') => {
  void (async () => {
    if (message === 'usage') {
      const { user, system } = process.cpuUsage();
      process.send?.({ cpu: user + system, rss: process.memoryUsage.rss() });
      return;
    }
    isBusy = message !== 'rest';
    if (isBusy) {
      [count.written, count.read] = [0, 0];
      done = Promise.all([...(message === 'read' ? [] : [write()]), ...(message === 'write' ? [] : [read()])]);
    } else await done;
    process.send?.(count);
  })();
});
process.on('disconnect', () => process.exit());
process.send?.({ port: ports.https });
