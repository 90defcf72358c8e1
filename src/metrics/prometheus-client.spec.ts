import { execFileSync } from 'node:child_process';
import { expect, test } from '@jest/globals';

/** The most modules that a new process loads in one turn of the event loop, while it does `work`, after it did `before`. */
function mostInOneTurn(work: string, before = ''): number {
  const program = `
    import { registerHooks } from 'node:module';
    await import('node:https');
    ${before}
    let [loaded, most] = [0, 0];
    registerHooks({ load: (url, context, next) => { loaded++; return next(url, context); } });
    const turn = () => { most = Math.max(most, loaded); loaded = 0; setImmediate(turn).unref(); };
    setImmediate(turn);
    ${work}
    console.log(Math.max(most, loaded));`;
  return Number(execFileSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' }));
}

test("Prometheus' client is loaded in parts, with turns of the event loop between them", () => {
  const file = new URL('prometheus-client.ts', import.meta.url).href;
  const whole = mostInOneTurn("await import('@prometheus-io/client');");
  const parts = mostInOneTurn(
    'await loadPrometheusClient();',
    `const { loadPrometheusClient } = await import('${file}');`,
  );
  expect(whole).toBeGreaterThan(10);
  expect(parts).toBeLessThan(0.75 * whole);
});
