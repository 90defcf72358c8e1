import { execFileSync, spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { freePort } from '../../test/support/free-port.js';

/** CFSSL's signing service, plain HTTP, without authentication and without a store. */
export interface Cfssl {
  readonly version: string;
  readonly port: number;
  /** Its CPU time so far, in seconds. */
  readonly cpuSeconds: () => number;
  readonly stop: () => void;
}

/** Starts `cfssl serve` with a P-256 CA of its own in `folder`; undefined where CFSSL is not installed. */
export async function startCfssl(folder: string): Promise<Cfssl | undefined> {
  let version: string;
  try {
    version = /Version: (\S+)/.exec(execFileSync('cfssl', ['version'], { encoding: 'utf8' }))?.[1] ?? '';
  } catch {
    return undefined;
  }
  const [caFile, keyFile, config] = ['ca.pem', 'ca.key', 'config.json'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  writeFileSync(keyFile, privateKey.export({ format: 'pem', type: 'sec1' }), { mode: 0o600 });
  const subject = ['-subj', '/CN=Bench CA', '-addext', 'keyUsage=critical,keyCertSign,cRLSign'];
  execFileSync('openssl', ['req', '-x509', '-new', '-key', keyFile, '-days', '10', ...subject, '-out', caFile]);
  const usages = ['digital signature', 'server auth', 'client auth'];
  writeFileSync(config, JSON.stringify({ signing: { default: { expiry: '24h', usages } } }));
  const port = await freePort();
  const child = spawn(
    'cfssl',
    ['serve', '-address=127.0.0.1', `-port=${port}`, `-ca=${caFile}`, `-ca-key=${keyFile}`, `-config=${config}`],
    { stdio: 'ignore' },
  );
  const stop = (): void => {
    child.kill('SIGKILL');
  };
  process.on('exit', stop);
  for (let i = 0; i < 250; i++) {
    const answers = await fetch(`http://127.0.0.1:${port}/`).then(
      () => true,
      () => false,
    );
    if (answers) return { version, port, cpuSeconds: () => cpuSecondsOf(child.pid ?? 0), stop };
    await setTimeout(20);
  }
  throw new Error('cfssl did not start');
}

/** User and system time of a process, from /proc: ticks of a hundredth of a second. */
function cpuSecondsOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
