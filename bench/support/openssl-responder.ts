import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { TestCa } from '../../src/testing/index.js';
import { certIdOf, encodeExtensionOf, Oid } from '../../src/x509/index.js';
import { freePort } from '../../test/support/free-port.js';
import { pin, type Subject } from './subject.js';

/** `openssl ocsp -port` with one certificate of a CA of its own, and the CertID of that; undefined where there is no openssl. */
export async function startOpensslResponder(): Promise<
  { readonly subject: Subject; readonly certId: Uint8Array } | undefined
> {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' });
  } catch {
    return undefined;
  }
  const folder = mkdtempSync(join(tmpdir(), 'veritas-bench-openssl-'));
  const file = (name: string, contents: string): string => {
    const path = join(folder, name);
    writeFileSync(path, contents, { mode: 0o600 });
    return path;
  };
  const root = TestCa.root();
  const leaf = root.issue();
  const responder = root.issue({ purposes: [Oid.ocspSigning], extensions: [encodeExtensionOf.ocspNoCheck()] });
  const serial = leaf.certificate.serialNumber.toUpperCase();
  const port = await freePort();
  const child = spawn(
    'openssl',
    [
      ...[
        'ocsp',
        '-port',
        String(port),
        '-index',
        file('index.txt', `V\t361231235959Z\t\t${serial}\tunknown\t/CN=leaf\n`),
      ],
      ...['-CA', file('ca.pem', root.certificatePem), '-rsigner', file('responder.pem', responder.certificatePem)],
      ...['-rkey', file('responder.key', responder.keyPem), '-nmin', '60'],
    ],
    { stdio: 'ignore' },
  );
  process.on('exit', () => {
    child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });
  pin(child, 1);
  await setTimeout(500);
  const subject: Subject = {
    name: 'openssl ocsp',
    port,
    usage: () => Promise.resolve({ cpu: cpuOf(child.pid ?? 0), rss: 0 }),
    stop: async () => {
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
  return { subject, certId: certIdOf(root.certificate, leaf.certificate.serialNumber).der };
}

/** Microseconds of CPU time of a process, where /proc tells; it counts in hundredths of a second. */
function cpuOf(pid: number): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    return (Number(fields[11]) + Number(fields[12])) * 10_000;
  } catch {
    return Number.NaN;
  }
}
