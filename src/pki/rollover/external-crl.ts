import type { IssuerRow } from '../../store/index.js';
import {
  CrlReason,
  decodeCertificate,
  DecodeError,
  isSignedBy,
  nameToString,
  sameName,
  type CertificateList,
  type RevokedCertificate,
} from '../../x509/index.js';
import { PkiError } from '../pki-error.js';
import { HOLD, revocationReasons, type RevocationReason } from '../revocation/reason.js';

/**
 * Checks that a list can be published unchanged: it is complete, current, numbered, and signed by a root of ours whose key is elsewhere. Returns the
 * id of that root. Throws PkiError `crl_not_accepted` with the first check that fails.
 */
export function checkExternalCrl(
  list: CertificateList,
  rows: readonly Pick<IssuerRow, 'id' | 'role' | 'der' | 'key_place'>[],
  now: Date,
): { readonly id: string; readonly number: number; readonly nextUpdate: Date } {
  const { extensions, nextUpdate, thisUpdate } = list;
  const issuer = rows.find(({ der, key_place: place, role }) => {
    if (role !== 'root' || place !== 'elsewhere') return false;
    const { subject, publicKey } = decodeCertificate(der);
    return sameName(subject, list.issuer) && isSignedBy(list, publicKey);
  });
  if (!issuer) refuse(`no root whose key is elsewhere signed the list of ${nameToString(list.issuer)}`);
  const gap = gapIn(list);
  if (gap !== undefined) refuse(gap);
  if (thisUpdate > now) refuse(`the list begins on ${thisUpdate.toISOString()}`);
  if (!nextUpdate) refuse('the list has no nextUpdate');
  if (nextUpdate <= now) refuse(`the list ended on ${nextUpdate.toISOString()}`);
  return { id: issuer.id, number: Number(extensions.crlNumber), nextUpdate };
}

/**
 * Why a list cannot be used as a complete, numbered list: it is partial, has a critical extension, or has no usable number. Undefined when it can.
 */
export function gapIn({ extensions }: CertificateList): string | undefined {
  if (extensions.deltaCrlIndicator !== undefined || extensions.issuingDistributionPoint !== undefined)
    return 'the list is not complete';
  const unknown = [...extensions.all.values()].find(({ critical }) => critical);
  if (unknown) return `the list has a critical extension, ${unknown.oid}`;
  const number = Number(extensions.crlNumber ?? -1n);
  // RFC 5280 §5.2.3 allows numbers of 20 octets; the store holds safe integers.
  return Number.isSafeInteger(number) && number >= 0 ? undefined : 'the list has no number, or one beyond 2^53';
}

/**
 * Yields the entries of a list. Calls `refuse`, which throws, when the list cannot be used: an entry is not strict DER, has a critical extension that
 * is not processed (RFC 5280 §5.3), or belongs to another issuer (§5.3.3).
 */
export function* usableEntries(list: CertificateList, refuse: (why: string) => never): Generator<RevokedCertificate> {
  try {
    for (const entry of list.revokedCertificates()) {
      if (entry.unknownCritical.length > 0) refuse('an entry has a critical extension');
      if (entry.certificateIssuer) refuse('an entry is of another issuer');
      yield entry;
    }
  } catch (error) {
    if (error instanceof DecodeError) refuse(`it is not strict DER (${error.message})`);
    throw error;
  }
}

/**
 * The name of an entry's reason. A hold becomes `unspecified`, because an imported revocation is permanent; so does any reason without a name here.
 */
export function reasonNameOf(reason: number | undefined): RevocationReason {
  return revocationReasons.find((name) => name !== HOLD && CrlReason[name] === reason) ?? 'unspecified';
}

/** Throws PkiError `crl_not_accepted`. */
export function refuse(why: string): never {
  throw new PkiError('crl_not_accepted', why);
}
