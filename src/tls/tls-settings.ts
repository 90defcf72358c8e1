import { createSecureContext, getCiphers } from 'node:tls';
import { TlsSetupError } from './tls-error.js';

export type TlsVersion = 'TLSv1.2' | 'TLSv1.3';

/** The settings of TLS that are the same for a server and a client. */
export interface TlsSettings {
  readonly minVersion: TlsVersion;
  readonly maxVersion: TlsVersion;
  /** OpenSSL's names, for TLS 1.2 and 1.3 together, in order of preference. */
  readonly ciphers: readonly string[];
  /** Key exchange groups in order of preference, joined by colons. */
  readonly groups: string;
}

/** TLS 1.2 and 1.3 with forward secrecy and authenticated encryption only (RFC 9325 §4.2); the post-quantum hybrid comes first. */
export const DEFAULT_TLS_SETTINGS: TlsSettings = Object.freeze({
  minVersion: 'TLSv1.2',
  maxVersion: 'TLSv1.3',
  ciphers: Object.freeze([
    'ECDHE-ECDSA-AES128-GCM-SHA256',
    'ECDHE-RSA-AES128-GCM-SHA256',
    'ECDHE-ECDSA-AES256-GCM-SHA384',
    'ECDHE-RSA-AES256-GCM-SHA384',
    'ECDHE-ECDSA-CHACHA20-POLY1305',
    'ECDHE-RSA-CHACHA20-POLY1305',
    'DHE-RSA-AES128-GCM-SHA256',
    'DHE-RSA-AES256-GCM-SHA384',
    'TLS_AES_256_GCM_SHA384',
    'TLS_CHACHA20_POLY1305_SHA256',
    'TLS_AES_128_GCM_SHA256',
  ]),
  groups: 'X25519MLKEM768:X25519:P-256:P-384',
});

/**
 * Throws {@link TlsSetupError} for what OpenSSL would ignore without a word (an unknown cipher among known ones) or report cryptically (a group, or no
 * version between the two), and for a version without any of its ciphers.
 */
export function checkTlsSettings(settings: TlsSettings): void {
  const { minVersion, maxVersion } = settings;
  if (minVersion > maxVersion)
    throw new TlsSetupError(
      `tls.minVersion: ${minVersion} is above tls.maxVersion, ${maxVersion}: set it to that or lower.`,
    );
  // OpenSSL's own names, which it takes in capitals only: Node.js gives them in small letters.
  const known = new Set(getCiphers().map((cipher) => cipher.toUpperCase()));
  const unknown = settings.ciphers.filter((cipher) => !known.has(cipher));
  if (unknown.length > 0)
    throw new TlsSetupError(
      `tls.ciphers: this OpenSSL does not know ${unknown.join(', ')}: take names from \`openssl ciphers -v\`.`,
    );
  const needs = (version: TlsVersion): boolean => minVersion <= version && version <= maxVersion;
  const is13 = (cipher: string): boolean => cipher.startsWith('TLS_');
  if (needs('TLSv1.2') && settings.ciphers.every(is13))
    throw new TlsSetupError('tls.ciphers: none is for TLS 1.2: add one or set tls.minVersion to TLSv1.3.');
  if (needs('TLSv1.3') && !settings.ciphers.some(is13))
    throw new TlsSetupError('tls.ciphers: none is for TLS 1.3: add one or set tls.maxVersion to TLSv1.2.');
  for (const group of settings.groups.split(':')) checkGroup(group);
}

function checkGroup(group: string): void {
  if (group === '') throw new TlsSetupError('tls.groups: there is a colon without a group beside it: take it out.');
  try {
    createSecureContext({ ecdhCurve: group });
  } catch {
    throw new TlsSetupError(
      `tls.groups: this OpenSSL does not know the key exchange group ${group}: take names like X25519 or P-256.`,
    );
  }
}
