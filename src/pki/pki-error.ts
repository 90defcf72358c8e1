/**
 * What the CA says no with: for each code the HTTP status a door answers with and what to do. 4xx is the requester's to mend, 5xx the operator's.
 */
export const PKI_ERRORS = {
  request_malformed: [400, 'send a certification request (PKCS#10) as PEM or strict DER'],
  proof_of_possession_failed: [
    400,
    'sign the request with the private key that belongs to the public key in it, of P-256, P-384, P-521, Ed25519 or RSA, by SHA-2 and of PSS with a salt as long as the hash',
  ],
  public_key_not_allowed: [
    400,
    'use a P-256, P-384, P-521, Ed25519 or RSA key of 2048 to 8192 bits with exponent 65537, of a kind that the profile takes',
  ],
  key_compromised: [400, 'make a new key: this one was reported compromised'],
  service_name_malformed: [
    400,
    'name the service in lower-case letters, digits, hyphens and dots, at most 63 characters',
  ],
  subject_not_allowed: [400, 'ask for the subject CN=<service> or for none'],
  name_not_allowed: [400, 'ask only for names that this service may have'],
  name_malformed: [400, 'use full DNS names in lower case, IP addresses and absolute URIs, no wildcards'],
  too_many_names: [400, 'ask for at most 100 names'],
  extension_not_allowed: [400, 'leave the extension out: the profile decides about extensions'],
  ca_not_allowed: [400, 'ask for an end-entity certificate: this door makes no CAs'],
  key_usage_not_allowed: [400, 'leave keyUsage out, or ask for digitalSignature only'],
  extended_key_usage_not_allowed: [400, "leave extendedKeyUsage out, or ask for the profile's own"],
  profile_unknown: [400, 'use one of the profiles that there are'],
  ca_below_not_allowed: [400, 'have it signed by a root, with a path length that the root leaves room for'],
  ca_limits_not_allowed: [
    400,
    'ask for what the profile gives, or leave path length and name constraints out, in the request as well: it has them then',
  ],
  profile_not_allowed: [403, 'ask the operator: this profile is for who signs in the name of the CA'],
  requester_not_allowed: [403, 'ask an administrator: neither your roles nor the rules of the profile give you that'],
  profile_contradictory: [503, 'mend it in pki.profiles'],
  development_refused: [
    503,
    'mend that profile, or move the key beside it away when it is the key that does not fit, or put a pair of your own there',
  ],
  lifetime_not_allowed: [400, 'ask for a lifetime of at least a second and at most the maximum of the profile'],
  token_lifetime_not_allowed: [400, 'ask for a token that is good for a second to seven days'],
  not_the_holder: [403, 'present a certificate that this CA issued to you and that is still good'],
  token_not_valid: [401, 'ask the operator for a new enrollment token'],
  key_not_new: [400, 'make a new key for the renewal'],
  idempotency_key_reused: [422, 'send a new Idempotency-Key with each new request'],
  idempotency_key_over: [409, 'send a new Idempotency-Key: what came of this one is not good any more'],
  cursor_malformed: [400, 'take `next` of the page before, with the filter of that page'],
  reason_not_allowed: [400, 'give a reason of RFC 5280 §5.3.1 that fits the certificate'],
  invalidity_date_not_allowed: [400, 'give a date in the past, 1970 or later, or none'],
  revocation_final: [409, 'issue another certificate: only a hold can be released'],
  serial_unknown: [404, 'look the serial number up with `veritas list`'],
  certificate_not_revocable: [400, 'replace a root where it is trusted: no list can revoke it'],
  authority_missing: [
    503,
    'make the CA with `veritas setup` or `veritas ca init`; one whose request is signed elsewhere waits for `veritas ca install`',
  ],
  authority_mismatch: [503, 'put back the files and the store that belong together'],
  issuer_expired: [503, 'replace the CA with `veritas ca rollover`, with --root where the root has expired'],
  issuer_inactive: [503, 'ask again, or look with `veritas ca rollover status` which CA signs now'],
  issuer_revoked: [503, 'make a new issuing CA'],
  issuer_unknown: [404, 'look the CAs up with `veritas ca show`'],
  rollover_premature: [409, 'look with `veritas ca rollover status` what is in the way'],
  key_elsewhere: [503, 'use the key where it is kept, and bring in what it signed with `veritas ca install`'],
  ca_certificate_not_accepted: [
    400,
    'have the request of `veritas ca request` signed as it stands, by the root itself',
  ],
  crl_not_accepted: [400, 'bring in the current, complete revocation list of the root'],
  backup_unreadable: [
    503,
    'use the file as `veritas backup` wrote it, with the passphrase or the identity that it was made for',
  ],
  backup_too_new: [503, 'restore it with the version that made it, or a newer one'],
  place_not_empty: [409, 'move away what is there, or name another place in the settings'],
  would_unrevoke: [409, 'restore with --apply to revoke them again and to number the next list above it'],
  published_crl_missing: [
    409,
    'name the last one, a file or a URL, with --crl; only when none is to be had, say --without-crl',
  ],
  published_crl_not_accepted: [400, 'name the last complete list that the CA signed, or move the file away'],
  key_file_exposed: [503, 'take the permissions of group and others away with chmod 600'],
  pkcs11_missing: [
    503,
    'install it with `npm install --prefix pkcs11 pkcs11js`, and name that folder with pki.pkcs11.packageDirectory',
  ],
  token_unavailable: [503, 'look at the token and at pki.pkcs11'],
  certificate_unreadable: [503, 'put it back, or take it away to have it made again'],
  file_unwritable: [503, 'look at its folder, its permissions and the space on the disk, or name another file'],
  thread_failed: [503, 'look at the memory, and at how many threads the process may have'],
  key_unreadable: [
    503,
    'put the file back: those of the CA are named by pki.directory and pki.passphraseFile, the PIN of a token by pki.pkcs11.pinFile',
  ],
  lint_failed: [500, 'report this: the profile produced a certificate that the lint refuses'],
  status_unavailable: [503, 'look at the store'],
  token_spent: [500, 'report this: a token signs once'],
  clock_behind: [503, 'set the clock right'],
  crl_not_fresh: [503, 'put back the newest store: after a restored backup, revoke again what it lacks, and restart'],
  serial_exhausted: [500, 'check the random source of the machine'],
} as const satisfies Readonly<Record<string, readonly [status: number, mend: string]>>;

/** The closed union of what the CA says no with. */
export type PkiErrorCode = keyof typeof PKI_ERRORS;

/** The CA says no. `message` is one sentence that may be shown to the requester when `status` is below 500; it holds no secret. */
export class PkiError extends Error {
  override readonly name = 'PkiError';

  constructor(
    readonly code: PkiErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }

  /** The HTTP status a door answers with. */
  get status(): number {
    return PKI_ERRORS[this.code][0];
  }

  /** What to do, one clause. */
  get mend(): string {
    return PKI_ERRORS[this.code][1];
  }
}
