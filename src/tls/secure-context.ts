import { constants } from 'node:crypto';
import type { SecureContextOptions, TlsOptions } from 'node:tls';
import type { TlsMaterial } from './tls-material.js';
import type { TlsSettings } from './tls-settings.js';

/** `secureOptions` of every context: neither compression nor renegotiation. */
export const SECURE_OPTIONS = constants.SSL_OP_NO_COMPRESSION | constants.SSL_OP_NO_RENEGOTIATION;

/**
 * A list of a CA that issues nothing. With it OpenSSL wants one of every issuer, and so accepts no client: the certificates that come with one it accepts
 * are taken by Node.js 24.21 itself, which never frees them.
 */
const LIST_OF_NOBODY = `-----BEGIN X509 CRL-----
MIGVMD0wCgYIKoZIzj0EAwIwETEPMA0GA1UEAwwGTm9ib2R5Fw0yNjExMjgyMDIx
MTJaFw0yNjExMjkyMDIxMTJaMAoGCCqGSM49BAMCA0gAMEUCIQDWB5sOMLPAYEhI
vTFwW+d2ZIbJjEOnTUy8SzI1rDiyYwIgU8Qplp3vZfvWy8dBRl5I9sTsrjYldMDI
bwyLLbEhgG0=
-----END X509 CRL-----
`;

/** {@link TlsMaterial}; its key may be octets that the caller wipes once the context is made. */
export type ContextMaterial = Omit<TlsMaterial, 'keyPem' | 'certificate' | 'ticketKeys'> & {
  readonly keyPem: string | Buffer;
};

/**
 * Options of `tls.createSecureContext`, for a server or a client: versions, ciphers, groups, key and certificate; without compression and
 * renegotiation.
 */
export function secureContextOptions(settings: TlsSettings, material: ContextMaterial): SecureContextOptions {
  return {
    minVersion: settings.minVersion,
    maxVersion: settings.maxVersion,
    ciphers: settings.ciphers.join(':'),
    ecdhCurve: settings.groups,
    honorCipherOrder: true,
    secureOptions: SECURE_OPTIONS,
    cert: material.certificatePem,
    key: material.keyPem,
    ...(material.passphrase === undefined ? {} : { passphrase: material.passphrase }),
    ...(material.caPem === undefined ? {} : { ca: material.caPem }),
    // RFC 7919 groups for the DHE suites, chosen by the key's strength.
    ...(settings.ciphers.some((cipher) => cipher.startsWith('DHE-')) ? { dhparam: 'auto' } : {}),
  };
}

/** The further settings of a server. */
export interface ServerTlsSettings extends TlsSettings {
  /** Seconds. */
  readonly sessionTimeout: number;
  readonly sessionTickets: boolean;
  /**
   * `optional`: a certificate is asked for, and the guard decides; the socket's `authorized` is false for everybody. `required`: the handshake fails
   * without a trusted certificate.
   */
  readonly clientAuth: 'optional' | 'required';
  /**
   * Whether clients are told the CAs of `material` (default true). Some clients present only certificates of the CAs that they are told; so where
   * other CAs are trusted too, it is false, and clients are told none.
   */
  readonly namesCas?: boolean;
}

/** Options for a server's secure context: for `setSecureContext` when the files change. */
export function serverContextOptions(settings: ServerTlsSettings, material: TlsMaterial): SecureContextOptions {
  const caPem = settings.namesCas === false ? undefined : material.caPem;
  const context = secureContextOptions(settings, { ...material, caPem });
  return {
    ...context,
    secureOptions: (context.secureOptions ?? 0) | (settings.sessionTickets ? 0 : constants.SSL_OP_NO_TICKET),
    // Sessions of this service are good for no other service that happens to share its ticket keys.
    sessionIdContext: 'veritas',
    sessionTimeout: settings.sessionTimeout,
    // Nobody looks at OpenSSL's verdict about a chain that need not be trusted; its shortest way saves a signature check in each full handshake.
    ...(settings.clientAuth === 'optional' ? { allowPartialTrustChain: true, crl: LIST_OF_NOBODY } : {}),
  };
}

/** Options of `https.createServer`, `http2.createSecureServer` or `tls.createServer`. `handshakeTimeout` in milliseconds. */
export function serverOptions(
  settings: ServerTlsSettings,
  material: TlsMaterial,
  limits: { readonly handshakeTimeout?: number } = {},
): TlsOptions {
  return {
    ...serverContextOptions(settings, material),
    ...(material.ticketKeys ? { ticketKeys: material.ticketKeys } : {}),
    requestCert: true,
    rejectUnauthorized: settings.clientAuth === 'required',
    ...limits,
  };
}

/** Options of `https.Agent`, `tls.connect` or an undici dispatcher's `connect`: presents `material`, and trusts its CAs alone. */
export function clientOptions(
  settings: TlsSettings,
  material: ContextMaterial,
): SecureContextOptions & { readonly rejectUnauthorized: true } {
  return { ...secureContextOptions(settings, material), rejectUnauthorized: true };
}
