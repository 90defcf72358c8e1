import { REFUSALS, type RefusalCode } from '../../src/mtls/index.js';
import { PKI_ERRORS, type PkiErrorCode } from '../../src/pki/index.js';
import { REGISTRY_ERRORS, type RegistryErrorCode } from '../../src/registry/index.js';

/** When each code is given, in words; the compiler asks for a new code's. */
const REFUSED_WHEN: Readonly<Record<RefusalCode, string>> = {
  client_certificate_required: 'no certificate was presented in the handshake, or a trusted proxy handed none on',
  client_certificate_malformed:
    'the certificate is not strict DER, or not in the form of RFC 5280 §4.1; or a header that carries one came from somebody who is no trusted proxy, or is not in its one form',
  untrusted_issuer:
    'no path leads from the certificate to a trust anchor of its trust domain, or each one breaks a rule of RFC 5280 §6',
  certificate_not_yet_valid: 'the certificate, or a CA above it, is not valid yet',
  certificate_expired: 'the certificate, or a CA above it, is not valid any more; the connection is closed',
  wrong_issuer: "the issuer's organization is not the one that is configured",
  wrong_key_usage: 'the certificate does not carry clientAuth, or its key usage does not fit',
  certificate_revoked: 'the certificate, or a CA above it, was revoked; the connection is closed',
  revocation_unknown:
    'nobody can say whether it was revoked, and the mode is `hard-fail`: a list is missing, stale or not verifiable',
  service_not_allowed:
    'the service is not on the allow-list, or the certificate names none: `mtls.serviceFrom` says where that is read, and the answer what is wrong with it',
  route_not_allowed: "the service may call, but not this route: the route's own rule says no",
  rate_limited:
    'the service asks more often than its rate, or than the rate of each service on this route; `retry_after`, and `Retry-After` over HTTP, say when again',
  validation_failed: 'something unforeseen happened while validating; the request is refused',
};

/** As {@link REFUSED_WHEN}, of the certification authority's codes. */
const ISSUANCE_REFUSED_WHEN: Readonly<Record<PkiErrorCode, string>> = {
  request_malformed: 'the request is not PKCS#10 in PEM or strict DER',
  proof_of_possession_failed:
    "the request's signature was not made by the key in it, or is of a kind that is not verified here",
  public_key_not_allowed: 'the key is of another kind, too small, or has an exponent that is not 65537',
  key_compromised: 'a certificate for the same key was revoked with keyCompromise',
  service_name_malformed: 'the name of the service is not one',
  subject_not_allowed: 'the request asks for a subject with more, or other, than the service',
  name_not_allowed: 'the request asks for names that the requester did not name',
  name_malformed: 'a name is not in the form of its kind, or is a wildcard',
  too_many_names: 'there are more names than a certificate of ours has',
  extension_not_allowed: 'the request asks for an extension that is not for requesters to choose',
  ca_not_allowed: 'the request asks for CA:TRUE or a path length',
  key_usage_not_allowed: 'the request asks for a key usage that the profile does not give',
  extended_key_usage_not_allowed: 'the request asks for a purpose that the profile does not give',
  profile_unknown: 'there is no profile of that name',
  ca_below_not_allowed: 'a CA was to be signed by one that may have none below it, or not with that path length',
  ca_limits_not_allowed:
    'the certificate of a CA was to have another path length or other name constraints than its profile gives, or its request asks for others, or for no CA',
  profile_not_allowed: 'a profile for who signs in the name of the CA was asked for by a holder, or for a token',
  requester_not_allowed:
    'the rules of the profile do not give this service or its names to who asks, or a name is one that only administrators have certified',
  profile_contradictory: 'a profile in `pki.profiles` contradicts itself',
  development_refused:
    "a profile of the operator's own in the place of `server` or `client` does not give what the development material needs",
  lifetime_not_allowed: 'the lifetime is shorter than a second, or longer than the profile allows',
  token_lifetime_not_allowed: 'an enrollment token was to be good for less than a second, or for more than a week',
  not_the_holder:
    'the certificate on the connection is not of this CA, is over, or is for another service or profile than asked for',
  token_not_valid: 'the enrollment token was never made, was traded before, or is over',
  key_not_new: 'a renewal was asked for with the key of the certificate that it should replace',
  idempotency_key_reused: 'the Idempotency-Key was sent with another request less than a day ago',
  idempotency_key_over: 'what was issued under the Idempotency-Key was revoked or has expired since',
  cursor_malformed: 'a page was asked for with a cursor that was not made here, or for another filter',
  reason_not_allowed: 'the reason of a revocation is not known or does not fit the certificate',
  invalidity_date_not_allowed: 'the invalidity date of a revocation is malformed, lies in the future, or before 1970',
  revocation_final: 'a release was asked for a certificate that was revoked for good',
  serial_unknown: 'no certificate with that serial number was issued here',
  certificate_not_revocable: 'it is a root',
  authority_missing: 'there is no CA in the store yet, and nobody asked to make one',
  authority_mismatch:
    'files and store belong to different CAs, the store is older than the lists beside it, or a key file is gone',
  issuer_expired: 'the issuing CA has expired, or would before the certificate',
  issuer_inactive: 'another CA signs new certificates, and this node could not find that out in time',
  issuer_revoked: 'the issuing CA was revoked: what it signs would be refused everywhere',
  issuer_unknown: 'there is no CA of that id',
  rollover_premature:
    'a step of a rollover was asked for before its time, or without saying which of several CAs is meant; the message says what is in the way',
  key_elsewhere: 'something needs the signature of a root whose key is kept elsewhere',
  ca_certificate_not_accepted: 'the certificate of a CA that was brought in is not what was asked for',
  crl_not_accepted: 'the revocation list that was brought in is not one that can be published',
  backup_unreadable:
    'the file is not a backup, was made for another passphrase or identity, or was changed or truncated',
  backup_too_new: 'a newer version made the backup',
  place_not_empty: 'a store with rows, or keys of a CA, are where a backup should be restored',
  would_unrevoke: 'the last published revocation list is newer than the backup, or revokes what the backup does not',
  published_crl_missing: 'no revocation list was found to compare a backup with, or not the delta that it names',
  published_crl_not_accepted:
    'the list to compare a backup with is not of its CA, not complete, or older than the backup',
  key_file_exposed: 'a key or passphrase file can be read by others than its owner',
  pkcs11_missing: '`pki.pkcs11` is set, and the package pkcs11js is not installed',
  token_unavailable: 'the PKCS#11 module, its token or the PIN cannot be used, or the token failed',
  certificate_unreadable: 'a certificate file that the CA made holds no certificate any more',
  file_unwritable: 'a file of the CA cannot be written: the disk is full, the folder is for reading only or not ours',
  thread_failed: 'the thread that writes a large revocation list cannot be started, or ended; the last list is served',
  key_unreadable: 'a key or passphrase file is missing, empty or damaged, or the passphrase does not fit',
  lint_failed: 'what was about to be signed breaks one of our own rules; nothing was signed',
  status_unavailable: 'nobody can say whether a certificate is good: the store was not read for half a minute',
  token_spent: 'something tried to sign the same thing twice',
  clock_behind: 'the clock is before the last revocation list that was signed',
  crl_not_fresh:
    'a revocation list was about to lack a revocation that somebody had been told of; the last list is served',
  serial_exhausted: 'no unused serial number was found',
};

/** As {@link REFUSED_WHEN}, of the service registry's codes. */
const CHANGE_REFUSED_WHEN: Readonly<Record<RegistryErrorCode, string>> = {
  registry_name_malformed:
    'the name is neither that of a service, nor a SPIFFE ID, nor a pattern with its one star at the end',
  registry_terms_malformed:
    'a role is not one, a pin has none beside it, a time, rate or note is out of bounds, or something else than a shadow tries something',
  service_unknown: 'there is no entry of that name',
  service_configured: 'what stands in `mtls.services` was to be removed from the registry, where it has no entry',
  version_mismatch: '`If-Match`, `If-None-Match` or `--expected-version` ask for another version than there is',
  registry_full: 'there are 100 000 names, or 10 000 patterns',
};

/** The rows of `docs/errors.md` under each heading. */
export function errorTables(): Readonly<Record<'refusals' | 'authority' | 'registry', string>> {
  const refusals = Object.entries(REFUSALS).map(([code, { status, mend }]) => [
    code,
    status,
    REFUSED_WHEN[code as RefusalCode],
    mend,
  ]);
  const authority = Object.entries(PKI_ERRORS).map(([code, [status, mend]]) => [
    code,
    status,
    ISSUANCE_REFUSED_WHEN[code as PkiErrorCode],
    mend,
  ]);
  const registry = Object.entries(REGISTRY_ERRORS).map(([code, [status, mend]]) => [
    code,
    status,
    CHANGE_REFUSED_WHEN[code as RegistryErrorCode],
    mend,
  ]);
  return { refusals: tableOf(refusals), authority: tableOf(authority), registry: tableOf(registry) };
}

function tableOf(rows: readonly (readonly (string | number)[])[]): string {
  const lines = rows.map(
    ([code = '', status = '', when = '', mend = '']) =>
      `| \`${code}\` | ${status} | ${sentence(when)} | ${sentence(mend)} |`,
  );
  return ['| Code | Status | When | Mend |', '| --- | --- | --- | --- |', ...lines].join('\n');
}

/** Capitalised, and without a full stop: it stands alone in its cell. */
const sentence = (text: string | number): string =>
  `${String(text).charAt(0).toUpperCase()}${String(text).slice(1)}`.replace(/\.$/, '').replaceAll('|', '\\|');
