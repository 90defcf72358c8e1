import { isIP } from 'node:net';
import {
  isWorkloadId,
  KeyUsage,
  spiffeIdOf,
  validateCertificatePath,
  type Certificate,
  type ValidatedPath,
} from '../../x509/index.js';
import { PeerRefusedError } from './peer-refused-error.js';

/** The certificates that a server's certificate must lead to, and those that may lie between. */
export interface ServerTrust {
  readonly anchors: readonly Certificate[];
  readonly intermediates: readonly Certificate[];
  /** As in {@link validateCertificatePath}. */
  readonly accepts?: (path: readonly Certificate[]) => boolean;
}

/** The expected server: a DNS name, an IP address, or the SPIFFE ID of a service. Made only by {@link expectedPeer}. */
export type ExpectedPeer = { readonly host: string } | { readonly spiffeId: string };

/**
 * Reads what the caller expects. Throws RangeError for a URI that is not the SPIFFE ID of a service, so that a mistake cannot match anybody by
 * chance.
 */
export function expectedPeer(text: string): ExpectedPeer {
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) return { host: text };
  if (!isWorkloadId(text))
    throw new RangeError(
      `${text.slice(0, 200)} is not the SPIFFE ID of a service, such as spiffe://example.org/billing`,
    );
  return { spiffeId: text };
}

/** The name for the server name indication, which must not be an address (RFC 6066 §3). */
export const serverNameOf = (host: string): string => (isIP(host) === 0 ? host.replace(/\.$/, '') : '');

/**
 * Checks that a server is the expected one: its path leads to `trust`, is valid at `time` and is for servers, and it has the expected name (RFC 9525
 * §6), or the expected SPIFFE ID as its only URI SAN (X509-SVID §2, §5.2). Throws {@link PeerRefusedError}.
 */
export function checkServer(
  [leaf, ...sent]: readonly [Certificate, ...Certificate[]],
  expected: ExpectedPeer,
  { anchors, intermediates, accepts }: ServerTrust,
  time: Date,
): ValidatedPath {
  const result = validateCertificatePath({
    leaf,
    intermediates: [...intermediates, ...sent],
    anchors,
    time,
    purposes: ['serverAuth'],
    extendedKeyUsageRequired: true,
    possessionProven: true,
    // Not a mailbox, which a plain string with an @ would be.
    names: 'host' in expected ? [{ kind: isIP(expected.host) === 0 ? 'dns' : 'ip', value: expected.host }] : [],
    accepts,
  });
  if (!result.ok) throw new PeerRefusedError(result.reason.code, result.reason.message);
  if (!('spiffeId' in expected)) return result.path;
  if (leaf.extensions.keyUsage?.has(KeyUsage.cRLSign))
    throw new PeerRefusedError('key_usage', 'the certificate of a SPIFFE ID may sign revocation lists');
  if (spiffeIdOf(leaf) !== expected.spiffeId)
    throw new PeerRefusedError(
      'name_mismatch',
      'the one URI of its certificate is not the SPIFFE ID that was expected',
    );
  return result.path;
}
