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

/**
 * What `openssl ocsp` says about a response to a request, with `anchor` as the only trusted certificate. `ok`: it was verified, is current, and answers what was asked.
 * Throws when openssl cannot be run.
 */
export function opensslOcsp(input: {
  readonly request: Uint8Array;
  readonly response: Uint8Array;
  readonly issuer: Uint8Array;
  readonly anchor: Uint8Array;
  /** Asked about, in hexadecimal. */
  readonly serials: readonly string[];
}): { readonly ok: boolean; readonly says: string } {
  const folder = mkdtempSync(join(tmpdir(), 'veritas-openssl-'));
  try {
    const file = (name: string, contents: string | Uint8Array): string => {
      const path = join(folder, name);
      writeFileSync(path, contents);
      return path;
    };
    const issuer = file('issuer.pem', encodePem('CERTIFICATE', input.issuer));
    const anchor = file('anchor.pem', encodePem('CERTIFICATE', input.anchor));
    const common = [
      ...['ocsp', '-no_nonce', '-respin', file('response', input.response), '-verify_other', issuer],
      ...['-CAfile', anchor, '-no-CApath', '-no-CAstore'],
    ];
    const ask = (...options: readonly string[]): string => {
      const { status, stdout, stderr } = spawnSync('openssl', [...common, ...options], { encoding: 'utf8' });
      if (status === null) throw new Error(`openssl ocsp failed: ${stderr}`);
      return (stdout + stderr).trim();
    };
    // Given the request it looks at the nonce, given the numbers at what is said about them; never at both.
    const answers = [
      ask('-reqin', file('request', input.request)),
      ask('-issuer', issuer, ...input.serials.flatMap((each) => ['-serial', `0x${each}`])),
    ];
    const ok = answers.every(
      (says) => says.includes('Response verify OK') && !/Verify error|WARNING: Status|ERROR: No Status/i.test(says),
    );
    return { ok, says: answers.join('\n') };
  } finally {
    rmSync(folder, { recursive: true });
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
