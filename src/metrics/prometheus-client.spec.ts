import { execFileSync } from 'node:child_process';
import { expect, test } from '@jest/globals';

/** The longest turn of the event loop, in milliseconds of the main thread's CPU time, while a new process does `work`, after it did `before`. */
function longestTurn(work: string, before = ''): number {
  const program = `
    const cpu = () => { const { user, system } = process.threadCpuUsage(); return (user + system) / 1000; };
    const idle = () => new Promise((resolve) => setTimeout(resolve, 20));
    await import('node:https');
    ${before}
    await idle();
    let [last, longest] = [cpu(), 0];
    const turn = () => { longest = Math.max(longest, cpu() - last); last = cpu(); setImmediate(turn).unref(); };
    setImmediate(turn);
    await idle();
    longest = 0;
    ${work}
    await idle();
    console.log(longest);`;
  return Number(execFileSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' }));
}

test("Prometheus' client is loaded without one long pause", () => {
  const file = new URL('prometheus-client.ts', import.meta.url).href;
  const [parts, whole] = [[], []] as [number[], number[]];
  for (let round = 0; round < 3; round++) {
    whole.push(longestTurn("await import('@prometheus-io/client');"));
    parts.push(
      longestTurn('await loadPrometheusClient();', `const { loadPrometheusClient } = await import('${file}');`),
    );
  }
  expect(Math.min(...parts) / Math.min(...whole)).toBeLessThan(0.75);
});
