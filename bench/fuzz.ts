import { fuzz } from '../test/support/fuzz.js';

const COUNT = 120_000;
const seed = Number(process.env.VERITAS_FUZZ_SEED ?? Date.now() % 0x1_0000_0000);

// Memory is compared with what the first fifth left behind: until then compiled code and caches still grow.
let warm = 0;
const report = fuzz(seed, COUNT, (index) => {
  if (index === COUNT / 5) warm = process.memoryUsage().rss;
});
const growth = (process.memoryUsage().rss - warm) / 1024 / 1024;

const figures: readonly (readonly [name: string, value: number, unit: string])[] = [
  ['seed', seed, ''],
  ...Object.entries(report.inputs).map(([kind, count]) => [`${kind} inputs`, count, ''] as const),
  ...Object.entries(report.outcomes).map(([outcome, count]) => [outcome, count, ''] as const),
  ['anything else thrown', report.failures.length, ''],
  ['slowest input', Number(report.slowest.ms.toFixed(2)), 'ms'],
  ['memory growth', Number(growth.toFixed(1)), 'MiB'],
];
for (const [name, value, unit] of figures)
  console.log(
    process.argv.includes('--json')
      ? JSON.stringify({ bench: 'fuzz', case: name, value, unit })
      : `fuzz  ${name.padEnd(28)} ${value}${unit && ` ${unit}`}`,
  );
for (const failure of report.failures.slice(0, 10)) console.error(failure);
if (report.failures.length > 0) process.exitCode = 1;
