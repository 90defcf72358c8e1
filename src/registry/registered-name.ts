import { isSpiffeId, isWorkloadId } from '../x509/index.js';
import { RegistryError } from './registry-error.js';

// As the guard reads names: a common name has 1 to 64 characters (RFC 5280 §A.1, ub-common-name), a DNS name up to 253.
const NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9])?$/;
const NAME_PATTERN = /^[A-Za-z0-9][A-Za-z0-9._-]{0,251}\*$/;

/** What an entry is for: one service, or all whose name or SPIFFE ID begins with `prefix` and goes on. */
export type NameKind = { readonly kind: 'exact' } | { readonly kind: 'pattern'; readonly prefix: string };

/**
 * Proves the name of an entry: a service (`billing`), a SPIFFE ID (`spiffe://example.org/ns/billing`), or a pattern of either, whose one star comes last:
 * `team-*`, and behind a slash `spiffe://example.org/ns/*`. Throws RegistryError `registry_name_malformed`.
 */
export function checkName(text: string): NameKind {
  const isPattern = text.endsWith('*');
  const isName = text.startsWith('spiffe://')
    ? isSpiffeId(text.replace(/\/\*$/, ''))
    : (isPattern ? NAME_PATTERN : NAME).test(text);
  if (!isName)
    throw new RegistryError(
      'registry_name_malformed',
      'this is neither the name of a service, nor a SPIFFE ID, nor a pattern',
    );
  return isPattern ? { kind: 'pattern', prefix: text.slice(0, -1) } : { kind: 'exact' };
}

/** As {@link checkName}, for a new entry: that of a trust domain itself would stand for nobody (X509-SVID §5.2). Throws as that does. */
export function checkNewName(text: string): NameKind {
  const kind = checkName(text);
  if (kind.kind === 'exact' && text.startsWith('spiffe://') && !isWorkloadId(text))
    throw new RegistryError(
      'registry_name_malformed',
      `no service has the SPIFFE ID of a trust domain: all of its services are ${text}/*`,
    );
  return kind;
}
