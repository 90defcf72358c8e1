import { domainToASCII } from 'node:url';
import type { Certificate } from '../certificate.js';
import { ipFromString, type GeneralName } from '../general-name.js';
import {
  dnsName,
  endsInNumber,
  mailbox,
  parentDomain,
  presentedDnsName,
  presentedMailbox,
  type Mailbox,
} from './dns-name.js';
import { defect, type Defect } from './path-failure.js';

/** A name the peer is expected to have. A plain string is an IP address when it reads as one, a mailbox when there is an `@` in it, a DNS name otherwise. */
export type PeerName = string | { readonly kind: 'dns' | 'ip' | 'email'; readonly value: string };

/**
 * Checks that one of `names` is among the certificate's subjectAltNames of its kind (RFC 9525 §6, RFC 5280 §4.2.1.6). The subject's common name never counts.
 * An empty list asks for nothing.
 */
export function peerNameDefect({ extensions }: Certificate, names: readonly PeerName[]): Defect | undefined {
  if (names.length === 0) return undefined;
  const presented = extensions.subjectAltName ?? [];
  return names.some((name) => isPresented(name, presented))
    ? undefined
    : defect('name_mismatch', 'RFC 5280 §4.2.1.6', 'no subjectAltName is a name that was expected');
}

function isPresented(name: PeerName, presented: readonly GeneralName[]): boolean {
  const { kind, value } = typeof name === 'string' ? { kind: kindOf(name), value: name } : name;
  switch (kind) {
    case 'dns': {
      const expected = dnsName(asciiOf(value.replace(/\.$/, '')));
      return (
        expected !== undefined &&
        !endsInNumber(expected) &&
        presented.some((other) => other.kind === 'dns' && matchesDns(expected, other.value))
      );
    }
    case 'ip': {
      const expected = ipFromString(value);
      return (
        expected !== undefined &&
        presented.some((other) => other.kind === 'ip' && Buffer.compare(other.value, expected) === 0)
      );
    }
    case 'email': {
      const [, local = '', domain = ''] = /^(.*)@(.*)$/s.exec(value) ?? [];
      const expected = mailbox(`${local}@${asciiOf(domain)}`);
      return expected !== undefined && presented.some((other) => matchesMailbox(expected, other));
    }
  }
}

function kindOf(name: string): 'dns' | 'ip' | 'email' {
  if (ipFromString(name)) return 'ip';
  return name.includes('@') ? 'email' : 'dns';
}

// IDNA: certificates hold A-labels only (RFC 5280 §7.2).
const asciiOf = (value: string): string => (/[^ -~]/.test(value) ? domainToASCII(value) : value);

/**
 * Whether a dNSName stands for `expected`, a name in lower case: the same name, or `*` for exactly its first label (RFC 9525 §6.3). A wildcard
 * below a single label, as `*.com`, stands for nothing.
 */
export function matchesDns(expected: string, presented: string): boolean {
  const other = presentedDnsName(presented);
  if (!other) return false;
  return other.wildcard ? other.name.includes('.') && parentDomain(expected) === other.name : other.name === expected;
}

function matchesMailbox(expected: Mailbox, presented: GeneralName): boolean {
  const other = presentedMailbox(presented);
  return other?.local === expected.local && other.domain === expected.domain;
}
