import { DecodeError, DerReader, Tag } from '../../der/index.js';
import type { GeneralName } from '../general-name.js';
import { Oid } from '../oids.js';

const LABEL = /^(?!-)[a-z0-9_-]{1,63}(?<!-)$/;

/**
 * A DNS name in lower case, or undefined when it is none: labels of letters, digits, hyphens and underscores, 253 characters in all
 * (RFC 1034 §3.5; underscores are in use). No trailing dot, no wildcard.
 */
export function dnsName(text: string): string | undefined {
  if (text.length === 0 || text.length > 253) return undefined;
  const name = text.toLowerCase();
  return name.split('.').every((label) => LABEL.test(label)) ? name : undefined;
}

/** A dNSName of a certificate: as {@link dnsName}, and it may begin with a whole label `*` (RFC 9525 §6.3). */
export function presentedDnsName(text: string): { readonly wildcard: boolean; readonly name: string } | undefined {
  const wildcard = text.startsWith('*.');
  const name = dnsName(wildcard ? text.slice(2) : text);
  return name === undefined ? undefined : { wildcard, name };
}

/** The name without its first label; undefined for one of a single label. */
export function parentDomain(name: string): string | undefined {
  const dot = name.indexOf('.');
  return dot < 0 ? undefined : name.slice(dot + 1);
}

/** A mailbox: its local part, whose case counts, and its domain in lower case (RFC 5280 §7.5). */
export interface Mailbox {
  readonly local: string;
  readonly domain: string;
}

/** Reads a mailbox; undefined when it is none. */
export function mailbox(text: string): Mailbox | undefined {
  const at = text.lastIndexOf('@');
  const domain = at > 0 ? dnsName(text.slice(at + 1)) : undefined;
  const local = text.slice(0, at);
  // Quoted local parts may hold an @; nobody issues them, and readers disagree on them.
  return domain === undefined || !/^[^\s@"\\<>()[\]:;,]+$/.test(local) ? undefined : { local, domain };
}

/** The mailbox that a name is: an rfc822Name, or one with other than ASCII in its local part, and A-labels in its domain (RFC 9598 §3). */
export function presentedMailbox(name: GeneralName): Mailbox | undefined {
  if (name.kind === 'email') return mailbox(name.value);
  if (name.kind !== 'other' || name.type !== Oid.smtpUtf8Mailbox || name.value[0] !== Tag.UTF8_STRING) return undefined;
  try {
    const box = mailbox(new DerReader(name.value).string('SmtpUTF8Mailbox'));
    return box && /[^ -~]/.test(box.local) ? box : undefined;
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}

// RFC 3986 §3.2: one user information at most, before an @, and nothing in it on which readers disagree: a backslash ends an authority for some.
const AUTHORITY = /^[a-z][a-z0-9+.-]*:\/\/(?:[a-z0-9._~!$&'()*+,;=:%-]*@)?([a-z0-9._-]*)(?::\d*)?(?:[/?#]|$)/i;

/** The host of a URI's authority in lower case, or undefined when it has none or an IP address (RFC 5280 §4.2.1.10), or is no URI up to there. */
export function uriHost(text: string): string | undefined {
  const host = dnsName(AUTHORITY.exec(text)?.[1] ?? '');
  return host === undefined || endsInNumber(host) ? undefined : host;
}

/** Whether the last label is a number: such a name is an IP address, or none (RFC 3696 §2). */
export const endsInNumber = (name: string): boolean => /(?:^|\.)\d+$/.test(name);
