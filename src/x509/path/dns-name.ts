import { DecodeError, DerReader, Tag } from '../../der/index.js';
import type { GeneralName } from '../general-name.js';
import { Oid } from '../oids.js';

const LABEL = /^(?!-)[a-z0-9_-]{1,63}(?<!-)$/;

/**
 * Reads a DNS name and returns it in lower case, or undefined when the text is not one: labels of letters, digits, hyphens and underscores, at most 253
 * characters in all (RFC 1034 §3.5; underscores are in use). It has no trailing dot and no wildcard.
 */
export function dnsName(text: string): string | undefined {
  if (text.length > 253) return undefined;
  const name = text.toLowerCase();
  return name.split('.').every((label) => LABEL.test(label)) ? name : undefined;
}

/** Reads a dNSName of a certificate: as {@link dnsName}, but its first label may be `*` (RFC 9525 §6.3). */
export function presentedDnsName(text: string): { readonly wildcard: boolean; readonly name: string } | undefined {
  const wildcard = text.startsWith('*.');
  const name = dnsName(wildcard ? text.slice(2) : text);
  return name === undefined ? undefined : { wildcard, name };
}

/** The name without its first label; undefined when it has only one. */
export function parentDomain(name: string): string | undefined {
  const dot = name.indexOf('.');
  return dot < 0 ? undefined : name.slice(dot + 1);
}

/** A mailbox: its local part, whose case counts, and its domain in lower case (RFC 5280 §7.5). */
export interface Mailbox {
  readonly local: string;
  readonly domain: string;
}

/** Reads a mailbox; undefined when the text is not one. */
export function mailbox(text: string): Mailbox | undefined {
  const at = text.lastIndexOf('@');
  const domain = at > 0 ? dnsName(text.slice(at + 1)) : undefined;
  const local = text.slice(0, at);
  // A quoted local part may hold an @, but nobody issues such names, and readers disagree on them.
  return domain === undefined || !/^[^\s@"\\<>()[\]:;,]+$/.test(local) ? undefined : { local, domain };
}

/** The mailbox in a name: an rfc822Name, or a SmtpUTF8Mailbox whose local part is not ASCII and whose domain has A-labels (RFC 9598 §3). */
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

// RFC 3986 §3.2: at most one userinfo before an @, and nothing in the authority on which readers disagree: for some a backslash ends it.
const AUTHORITY = /^[a-z][a-z0-9+.-]*:\/\/(?:[a-z0-9._~!$&'()*+,;=:%-]*@)?([a-z0-9._-]*)(?::\d*)?(?:[/?#]|$)/i;

/** The host of a URI's authority in lower case; undefined when there is none, when it is an IP address (RFC 5280 §4.2.1.10), or when that is not a URI. */
export function uriHost(text: string): string | undefined {
  const host = dnsName(AUTHORITY.exec(text)?.[1] ?? '');
  return host === undefined || endsInNumber(host) ? undefined : host;
}

/** Whether the last label is a number: such a name is an IP address, or no name at all (RFC 3696 §2). */
export const endsInNumber = (name: string): boolean => /(?:^|\.)\d+$/.test(name);
