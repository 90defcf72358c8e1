import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { canBeTimed, timed, type Taken } from './timed.js';

/** Whether OpenSSL and GNU time are here. */
export const isHere = (): boolean => spawnSync('openssl', ['version']).status === 0 && canBeTimed();

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
