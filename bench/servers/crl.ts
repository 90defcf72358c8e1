// One size, in a process of its own: `write` makes a list from the store, as `veritas crl` does, `read` indexes one.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openLists } from '../../src/pki/certification-authority.js';
import { openStore } from '../../src/store/index.js';
import { decodeCertificates, RevocationIndex } from '../../src/x509/index.js';
import { CrlReader } from '../../src/revocation/crl-reader.js';
import { benchSettings } from '../support/configuration.js';
import { memoryAtRest, observed, peakMemory } from '../support/usage.js';

const [mode = '', folder = ''] = process.argv.slice(2);

async function write(): Promise<object> {
  const store = await openStore({ path: join(folder, 'var/veritas.db') });
  const { authorities, crls } = await openLists({ settings: benchSettings(folder), store });
  for (const { issuer } of authorities) await issuer.open();
  const atRest = memoryAtRest();
  const { seconds, longestBlock, value } = await observed(() =>
    crls.sign('issuing', { actor: 'bench', requestId: 'bench' }),
  );
  await store.close();
  return { seconds, longestBlock, octets: value.octets, peak: peakMemory(), atRest };
}

async function read(): Promise<object> {
  const [issuer] = decodeCertificates(readFileSync(join(folder, 'certs/issuing_ca.pem')));
  const path = join(folder, 'var/crl/issuing.crl');
  const atRest = memoryAtRest();
  const now = new Date();
  const reader = new CrlReader();
  const { seconds, longestBlock, value } = await observed(async () => {
    const fetched = await reader.fetch(path, undefined);
    return reader.read(fetched?.octets ?? new Uint8Array(), [issuer], now);
  });
  const peak = peakMemory();
  const { revoked, list } = value;
  const hits: string[] = [];
  for (const { serialNumber } of list.revokedCertificates()) if (hits.push(serialNumber) === 100_000) break;
  // Put together from octets: a string that is made of two others is put together at the first look-up, which would be measured as well.
  const misses = hits.map((serial) => {
    const octets = Buffer.from(serial, 'hex');
    octets.writeUInt16BE(octets.readUInt16BE(octets.length - 2) ^ 0xffff, octets.length - 2);
    return octets.toString('hex');
  });
  const { size, table } = revoked;
  return {
    seconds,
    longestBlock,
    peak,
    atRest,
    entries: size,
    octetsAnEntry: (table.offsets.byteLength + table.tags.byteLength) / Math.max(1, size),
    hit: lookups(revoked, hits, true),
    miss: lookups(revoked, misses, false),
  };
}

/** Microseconds each, once the code is warm. */
function lookups(index: RevocationIndex, serials: readonly string[], found: boolean): number {
  const rounds = Math.ceil(500_000 / serials.length);
  const wrong = (times: number): number => {
    let count = 0;
    for (let round = 0; round < times; round++) for (const serial of serials) if (index.has(serial) !== found) count++;
    return count;
  };
  const answers = wrong(rounds);
  const from = performance.now();
  if (answers + wrong(rounds) > 0) throw new Error(`${answers} of ${rounds * serials.length} answers were wrong`);
  return ((performance.now() - from) * 1000) / (rounds * serials.length);
}

process.send?.(await (mode === 'write' ? write() : read()));
process.disconnect();
