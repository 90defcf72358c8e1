/**
 * The demo client: holds a certificate and calls the service every few seconds, for ever. Plain JavaScript on node:https, nothing installed.
 *
 * Environment:
 * - `DEMO_URL`: what to call
 * - `DEMO_CA_FILE`, `DEMO_CERTIFICATE_FILE`, `DEMO_KEY_FILE`: PEM; read again for each call, so that a renewed certificate is taken up
 * - `DEMO_INTERVAL`: seconds between two calls
 * - `DEMO_STATE_FILE`: touched after each call that succeeded
 *
 * With `--healthy` it calls nothing, and ends with status 0 when the last success is younger than three intervals.
 */
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';

const interval = Number(setting('DEMO_INTERVAL')) * 1000;
const stateFile = setting('DEMO_STATE_FILE');

if (process.argv.includes('--healthy')) {
  process.exitCode = Date.now() - lastSuccess() < 3 * interval ? 0 : 1;
} else {
  for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, () => process.exit(0));
  for (;;) {
    await report();
    await new Promise((resolve) => setTimeout(resolve, interval));
  }
}

/** Calls once and prints one line. */
async function report() {
  const time = new Date().toISOString();
  try {
    const { status, body } = await call();
    process.stdout.write(`${time} ${status} ${body}\n`);
    if (status === 200) writeFileSync(stateFile, time);
  } catch (error) {
    process.stdout.write(`${time} no answer: ${error instanceof Error ? error.message : String(error)}\n`);
  }
}

/**
 * One GET on a connection of its own.
 *
 * @returns {Promise<{ status: number, body: string }>}
 */
function call() {
  const identity = {
    ca: readFileSync(setting('DEMO_CA_FILE')),
    cert: readFileSync(setting('DEMO_CERTIFICATE_FILE')),
    key: readFileSync(setting('DEMO_KEY_FILE')),
  };
  return new Promise((resolve, reject) => {
    request(setting('DEMO_URL'), { ...identity, agent: false, timeout: 5000 }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk) => (body += chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
    })
      .on('timeout', function () {
        this.destroy(new Error('the service did not answer in time'));
      })
      .on('error', reject)
      .end();
  });
}

/** When the last call succeeded, in milliseconds; 0 for never. */
function lastSuccess() {
  return statSync(stateFile, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

/** @param {string} name */
function setting(name) {
  const value = process.env[name];
  if (value === undefined || value === '') throw new Error(`${name} is not set`);
  return value;
}
