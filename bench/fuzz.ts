import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { fuzz } from '../test/support/fuzz.js';

const COUNT = 120_000;
const seed = Number(process.env.VERITAS_FUZZ_SEED ?? Date.now() % 0x1_0000_0000);

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
/** Mebibytes: what lives on the heap, and what the process holds of the machine. */
function memory(): { readonly heap: number; readonly rss: number } {
  collect();
  const { heapUsed, rss } = process.memoryUsage();
  return { heap: heapUsed / 1024 / 1024, rss: rss / 1024 / 1024 };
}

// Compared with what the first half left behind: until then code is compiled and the allocator finds its size.
let half = memory();
const report = fuzz(seed, COUNT, (index) => {
  if (index === COUNT / 2) half = memory();
});
const end = memory();

const figures: readonly (readonly [name: string, value: number, unit: string])[] = [
  ['seed', seed, ''],
  ...Object.entries(report.inputs).map(([kind, count]) => [`${kind} inputs`, count, ''] as const),
  ...Object.entries(report.outcomes).map(([outcome, count]) => [outcome, count, ''] as const),
  ['anything else thrown', report.failures.length, ''],
  ['slowest input', Number(report.slowest.ms.toFixed(2)), 'ms'],
  ['heap growth', Number((end.heap - half.heap).toFixed(2)), 'MiB'],
  ['RSS growth', Number((end.rss - half.rss).toFixed(1)), 'MiB'],
];
for (const [name, value, unit] of figures)
  console.log(
    process.argv.includes('--json')
      ? JSON.stringify({ bench: 'fuzz', case: name, value, unit })
      : `fuzz  ${name.padEnd(28)} ${value}${unit && ` ${unit}`}`,
  );
for (const failure of report.failures.slice(0, 10)) console.error(failure);
if (report.failures.length > 0) process.exitCode = 1;
