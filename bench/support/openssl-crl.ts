import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** What a command took: seconds, and the most memory it had in mebibytes. */
export interface Taken {
  readonly seconds: number;
  readonly mebibytes: number;
}

/** Whether OpenSSL and GNU time are here. */
export const isHere = (): boolean =>
  spawnSync('openssl', ['version']).status === 0 && spawnSync('/usr/bin/time', ['--version']).status === 0;

function timed(command: string, args: readonly string[], cwd: string): Taken {
  const from = performance.now();
  const { status, stderr } = spawnSync('/usr/bin/time', ['-f', 'MAXRSS %M', command, ...args], {
    cwd,
    encoding: 'utf8',
  });
  const seconds = (performance.now() - from) / 1000;
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`);
  return { seconds, mebibytes: Number(/MAXRSS (\d+)/.exec(stderr)?.[1]) / 1024 };
}

/** The same revocations as OpenSSL's CA keeps them, with a key and a certificate of its own. */
export function prepareOpenssl(folder: string, serials: readonly string[]): void {
  const revokedAt = '250101120000Z';
  const lines = serials.map(
    (serial) => `R\t350101000000Z\t${revokedAt},superseded\t${serial.toUpperCase()}\tunknown\t/CN=orders`,
  );
  writeFileSync(join(folder, 'index.txt'), lines.length > 0 ? `${lines.join('\n')}\n` : '');
  writeFileSync(join(folder, 'crlnumber'), '01\n');
  writeFileSync(
    join(folder, 'ca.cnf'),
    `[ca]\ndefault_ca = this\n[this]\ndatabase = index.txt\ncrlnumber = crlnumber\ndefault_md = sha256\ndefault_crl_days = 1\ncrl_extensions = crl\n[crl]\nauthorityKeyIdentifier = keyid\n`,
  );
  const openssl = (...args: string[]): Buffer =>
    execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'pipe', 'ignore'] });
  openssl('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', 'ca.key');
  openssl('req', '-x509', '-new', '-key', 'ca.key', '-subj', '/CN=Bench CA', '-days', '10', '-out', 'ca.pem');
}

/** `openssl ca -gencrl`, after {@link prepareOpenssl}. */
export const opensslWrite = (folder: string): Taken =>
  timed(
    'openssl',
    ['ca', '-gencrl', '-config', 'ca.cnf', '-keyfile', 'ca.key', '-cert', 'ca.pem', '-out', 'openssl.crl'],
    folder,
  );

/** `openssl crl`: reads, verifies, prints the number. */
export const opensslRead = (folder: string, list: string, certificate: string): Taken =>
  timed('openssl', ['crl', '-inform', 'DER', '-in', list, '-CAfile', certificate, '-noout', '-crlnumber'], folder);
