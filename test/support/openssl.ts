import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodePem } from '../../src/x509/index.js';

/** `OpenSSL 3.0.19 …`. Throws, naming what to install, when there is no openssl on the PATH. */
export function opensslVersion(): string {
  try {
    return execFileSync('openssl', ['version'], { encoding: 'utf8' }).trim();
  } catch (error) {
    throw new Error('these tests need the openssl command: apt-get install openssl', { cause: error });
  }
}

export interface OpensslVerification {
  readonly leaf: Uint8Array;
  readonly intermediates: readonly Uint8Array[];
  readonly anchors: readonly Uint8Array[];
  readonly crls?: readonly Uint8Array[];
  readonly time: Date;
  /** More options of `openssl verify`. */
  readonly options?: readonly string[];
}

/**
 * What `openssl verify` says about a chain of DER certificates, in files of its own that are gone afterwards. Every extra check is on; only the anchors
 * given are trusted, none of the system's. Throws when openssl cannot be run or does not understand its options.
 */
export function opensslVerify(input: OpensslVerification): { readonly ok: boolean; readonly says: string } {
  const folder = mkdtempSync(join(tmpdir(), 'veritas-openssl-'));
  try {
    const file = (name: string, label: string, list: readonly Uint8Array[]): string => {
      const path = join(folder, name);
      writeFileSync(path, list.map((der) => encodePem(label, der)).join(''));
      return path;
    };
    const { crls = [], intermediates } = input;
    const { status, stdout, stderr } = spawnSync(
      'openssl',
      [
        ...['verify', '-x509_strict', '-no-CApath', '-no-CAstore', '-auth_level', '2'],
        ...['-attime', String(Math.floor(input.time.getTime() / 1000))],
        ...['-CAfile', file('anchors.pem', 'CERTIFICATE', input.anchors)],
        ...(intermediates.length > 0 ? ['-untrusted', file('intermediates.pem', 'CERTIFICATE', intermediates)] : []),
        ...(crls.length > 0
          ? ['-crl_check_all', '-extended_crl', '-use_deltas', '-CRLfile', file('crls.pem', 'X509 CRL', crls)]
          : []),
        ...(input.options ?? []),
        file('leaf.pem', 'CERTIFICATE', [input.leaf]),
      ],
      { encoding: 'utf8' },
    );
    if (status === null || /^Usage:|Unknown option|Can't open/m.test(stderr))
      throw new Error(`openssl verify failed: ${stderr}`);
    return { ok: status === 0, says: /error \d+ at .*/.exec(stderr + stdout)?.[0] ?? (stdout + stderr).trim() };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
