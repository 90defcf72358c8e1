/** Where another implementation says otherwise, and why we keep to what we say. */
interface Difference {
  /** Any of these is of note in the hierarchy: names of `CHANGES` and `CRL_CHANGES`. */
  readonly changes: readonly string[];
  /** And any of these as well. */
  readonly beside?: readonly string[];
  /** Who accepts what we refuse. */
  readonly laxer?: readonly string[];
  /** Who refuses what we accept. */
  readonly stricter?: readonly string[];
  readonly why: string;
}

const [openssl, gnutls, go, cryptography] = ['openssl', 'gnutls', 'go', 'cryptography'];
const all = [openssl, gnutls, go, cryptography];

const DIFFERENCES: readonly Difference[] = [
  // We are stricter: the profile of RFC 5280 §4 is asked for with a purpose (docs/divergences.md).
  {
    changes: ['serial number 0', 'negative serial number', 'serial number of 21 octets'],
    laxer: all,
    why: 'RFC 5280 §4.1.2.2: positive, at most 20 octets',
  },
  { changes: ['a unique identifier'], laxer: all, why: 'RFC 5280 §4.1.2.8: nobody makes them' },
  { changes: ['an empty name beside it'], laxer: all, why: 'RFC 5280 §4.2.1.6: no empty names, nor a space for one' },
  {
    changes: ['GeneralizedTime before 2050'],
    laxer: [openssl, gnutls, go],
    why: 'RFC 5280 §4.1.2.5: UTCTime until 2049',
  },
  {
    changes: ['version 1', 'version 2'],
    laxer: [gnutls, go],
    why: 'RFC 5280 §4.2.1.9: no CA without basicConstraints',
  },
  { changes: ['version 1 with extensions'], laxer: [go], why: 'RFC 5280 §4.1.2.1: extensions are of version 3' },
  {
    changes: [
      'no authorityKeyIdentifier',
      'root without authorityKeyIdentifier',
      'authorityKeyIdentifier without keyIdentifier',
      'critical authorityKeyIdentifier',
    ],
    laxer: all,
    why: 'RFC 5280 §4.2.1.1: it is there, with a keyIdentifier, not critical',
  },
  {
    changes: ['no subjectKeyIdentifier in a CA'],
    laxer: [gnutls, go, cryptography],
    why: 'RFC 5280 §4.2.1.2: every CA has it',
  },
  {
    changes: [
      'a CA without keyUsage',
      'an anchor without keyUsage',
      'basicConstraints of a CA not critical',
      'a CA with an empty subject',
    ],
    laxer: [gnutls, go],
    why: 'RFC 5280 §4.2.1.3, §4.2.1.9, §4.1.2.6: what a CA must say of itself',
  },
  {
    changes: ['constraints in the leaf', 'constraints not critical', 'constraints not critical, broken'],
    laxer: all,
    why: 'RFC 5280 §4.2.1.10: critical, and in CAs only',
  },
  { changes: ['policyConstraints not critical'], laxer: all, why: 'RFC 5280 §4.2.1.11: critical' },
  { changes: ['a policy twice'], laxer: all, why: 'RFC 5280 §4.2.1.4: a policy stands once' },
  {
    changes: ['critical policies with a foreign qualifier'],
    laxer: [openssl, gnutls, go],
    why: 'RFC 5280 §4.2.1.4: critical policies are understood with their qualifiers, or refused',
  },
  {
    changes: ['a leaf that is a CA', 'a leaf with keyCertSign', 'a leaf with a path length'],
    laxer: all,
    why: 'RFC 5280 §4.2.1.9: of an end entity there is no cA, no keyCertSign and no path length; a CA is no peer here',
  },
  {
    changes: ['critical subjectAltName', 'empty subject'],
    laxer: all,
    why: 'RFC 5280 §4.2.1.6: critical when there is no subject, else not',
  },
  {
    changes: ['empty constraints', 'constraints with a minimum'],
    laxer: all,
    why: 'RFC 5280 §4.2.1.10: forms that must not be',
  },
  { changes: ['a negative path length'], laxer: [gnutls, go], why: 'RFC 5280 §4.2.1.9: 0 or more' },
  { changes: ['trailing octets'], laxer: [openssl], why: 'd2i_X509 leaves what follows to its caller' },
  { changes: ['an extension twice'], laxer: [gnutls, go], why: 'RFC 5280 §4.2: an extension stands once' },
  // We are stricter: names.
  {
    changes: ['permitted: leading dot'],
    laxer: all,
    why: 'RFC 5280 §4.2.1.10 has it for URIs and mail only',
  },
  {
    changes: ['permitted: mask with a hole'],
    laxer: [openssl, cryptography],
    why: 'RFC 5280 §4.2.1.10: in the style of RFC 4632',
  },
  {
    changes: ['a wildcard', 'two wildcards', 'a wildcard below an A-label'],
    laxer: all,
    why: 'a wildcard stands for the excluded name as well (the class of CVE-2025-61727)',
  },
  { changes: ['a wildcard under one label'], laxer: [go, cryptography], why: 'RFC 9525 §7.1: *.com is nobody’s' },
  {
    changes: ['a name with a final dot'],
    laxer: [openssl, gnutls, go],
    why: 'RFC 5280 §4.2.1.6: the preferred name syntax has no final dot',
  },
  { changes: ['host only as the common name'], laxer: [gnutls], why: 'RFC 9525 §2: the common name is not looked at' },
  {
    changes: ['permitted: another directory', 'excluded directory', 'constraints of several kinds'],
    laxer: [gnutls, cryptography],
    why: 'they compare no directory names with the subject',
  },
  {
    changes: [
      'permitted network',
      'permitted: another network',
      'permitted: IPv6 network',
      'constraints of several kinds',
    ],
    laxer: [gnutls],
    why: 'GnuTLS permits addresses of the other version',
  },
  {
    changes: ['an address in IPv6'],
    laxer: [go],
    why: 'RFC 5280 §4.2.1.6: an iPAddress has 4 octets for IPv4, and 16 for IPv6',
  },
  {
    changes: ['a mailbox in the subject'],
    laxer: [gnutls, go, cryptography],
    why: 'RFC 5280 §4.2.1.10: constraints on mail are for the subject as well',
  },
  // We are stricter: keys, usages, anchors, revocation.
  { changes: ['RSA-1024'], laxer: [gnutls, go, cryptography], why: 'NIST SP 800-57: 112 bits of strength' },
  { changes: ['a point beside the curve'], laxer: [gnutls, cryptography], why: 'they do not look at a leaf’s key' },
  {
    changes: ['leaf that only enciphers data'],
    laxer: [gnutls, go, cryptography],
    why: 'RFC 5280 §4.2.1.12: consistent with the key usage',
  },
  { changes: ['leaf for anything'], laxer: [gnutls, go], why: 'RFC 5280 §4.2.1.12: who asks for a purpose may refuse' },
  {
    changes: [
      'an anchor for clients',
      'a CA for clients',
      'an anchor without basicConstraints',
      'a CA without basicConstraints',
      'a CA with cA FALSE',
    ],
    laxer: [gnutls],
    why: 'RFC 5937: what an anchor’s certificate says holds',
  },
  {
    changes: ['the leaf is trusted', 'only another root of its name is trusted', 'self-signed leaf'],
    laxer: all,
    why: 'nothing is a peer for being listed',
  },
  {
    changes: ['an older CRL that revokes', 'a delta that is too new'],
    laxer: [openssl],
    why: 'what is revoked for good stays so',
  },
  { changes: ['a CRL without number'], laxer: [openssl], why: 'RFC 5280 §5.2.3: every CRL has one' },
  // They are stricter.
  {
    changes: ['names its issuer in capitals', 'names its issuer in a PrintableString', 'names its issuer with spaces'],
    stricter: [gnutls, go, cryptography],
    why: 'RFC 5280 §7.1: case, string type and white space do not count',
  },
  {
    // The other root has the key that signs, when another one does.
    changes: [
      'another authorityKeyIdentifier',
      'authorityKeyIdentifier with another serial number',
      'only another root of its name is trusted',
    ],
    stricter: [openssl, gnutls],
    why: 'RFC 4158 §3.5.12: it orders, and does not rule out',
  },
  {
    changes: [
      'an untrusted twin of a CA',
      'an expired twin of a CA',
      'a CA of the same name with another key',
      'the root by way of an older root',
      'an intermediate is trusted',
    ],
    stricter: [openssl, gnutls],
    why: 'RFC 4158 §2: they follow one path, and look for no other',
  },
  {
    changes: ['ends this second', 'a CRL ends this second'],
    stricter: [openssl],
    why: 'RFC 5280 §4.1.2.5: notAfter is included',
  },
  {
    changes: ['an anchor without keyUsage', 'a CA without keyUsage'],
    stricter: [openssl, cryptography],
    why: 'RFC 5280 §6.1.1 (d): an anchor is a name and a key',
  },
  { changes: ['a CA for anything'], stricter: [openssl, gnutls], why: 'RFC 5280 §4.2.1.12: any purpose' },
  { changes: ['critical extendedKeyUsage'], stricter: [cryptography], why: 'RFC 5280 §4.2.1.12: critical or not' },
  {
    changes: ['a host with a final dot'],
    stricter: [openssl, gnutls, cryptography],
    why: 'the host is the caller’s: a final dot makes it absolute (RFC 1034 §3.1)',
  },
  { changes: ['a name with an underscore'], stricter: [cryptography], why: 'underscores are in use' },
  {
    changes: ['a name with an underscore'],
    beside: ['a wildcard'],
    stricter: [openssl],
    why: 'underscores are in use: it matches them against the same text only',
  },
  {
    changes: ['a self-issued CA', 'a self-issued CA with a forbidden name', 'CAs of one name'],
    beside: ['a path length', 'an anchor with a path length'],
    stricter: [gnutls, cryptography],
    why: 'RFC 5280 §6.1.4 (l): a self-issued certificate is not counted',
  },
  {
    changes: ['Ed25519', 'RSA-PSS'],
    stricter: [go, cryptography],
    why: 'algorithms that they do not verify, or do not want',
  },
  {
    changes: [
      'inhibitAnyPolicy',
      'an explicit policy is required',
      'policies all the way',
      'policies all the way, one required',
      'policies all the way, mapped',
      'policies at random',
      'anyPolicy inhibited',
    ],
    stricter: [gnutls, go, cryptography],
    why: 'they process no policies: critical ones are unknown to them',
  },
  {
    changes: [
      'constraints on registeredID',
      'permitted directory',
      'permitted directory, in capitals',
      'excluded directory',
      'excluded: another directory',
      'permitted: another directory',
      'constraints of several kinds',
    ],
    stricter: [gnutls, go, cryptography],
    why: 'constraints of kinds that they do not process, whether or not a name of the kind is there',
  },
  {
    changes: ['a delta that is over'],
    stricter: [openssl],
    why: 'RFC 5280 §6.3.3: a hold is known from current lists only',
  },
  {
    changes: ['permitted: every name'],
    stricter: [gnutls, cryptography],
    why: 'RFC 5280 §4.2.1.10: zero or more labels, added to none',
  },
  {
    changes: ['an address', 'an IPv6 address', 'another address'],
    stricter: [gnutls],
    why: 'without a DNS name it constrains the common name as one',
  },
  { changes: ['more names'], stricter: [cryptography], why: 'it knows no constraints on mail and URIs' },
  {
    changes: [
      'a CRL for users',
      'a CRL for CAs',
      'a CRL for the point that is named',
      'a CRL for users and one for CAs',
      'CRLs for some reasons each',
      'a CRL for another point',
      'a self-issued CA',
      'a self-issued CA with a forbidden name',
      'CAs of one name',
    ],
    stricter: [openssl],
    why: 'it asks for the status of the anchor as well, and knows one CRL for a name',
  },
];

/** Why `oracle` may say otherwise about a case with these changes; undefined when nobody knows. */
export const explanation = (oracle: string, changes: readonly string[], accepted: boolean): string | undefined =>
  DIFFERENCES.find(
    ({ laxer, stricter, ...each }) =>
      (accepted ? stricter : laxer)?.includes(oracle) &&
      [each.changes, each.beside ?? each.changes].every((some) => some.some((one) => changes.includes(one))),
  )?.why;
