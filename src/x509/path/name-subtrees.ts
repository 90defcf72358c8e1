import { generalNameToString, type GeneralName, type GeneralNameKind } from '../general-name.js';
import type { Name } from '../name.js';
import { dnsName, mailbox, parentDomain, presentedDnsName, presentedMailbox, uriHost } from './dns-name.js';

/** A subtree whose base is not of the form that RFC 5280 §4.2.1.10 gives its kind. */
export class MalformedSubtree extends Error {
  override readonly name = 'MalformedSubtree';

  constructor(base: GeneralName) {
    super(`the subtree ${generalNameToString(base)} is not in the form for its kind`);
  }
}

/**
 * The permitted or the excluded subtrees of one certificate (RFC 5280 §4.2.1.10), in sets: whether a name lies in one of them takes time for
 * its own length only, however many there are, and for an address one look for each mask.
 *
 * A dNSName base covers itself and all below it, and may be empty (every name); a leading period or a wildcard is not in the standard and
 * refused. A URI or mail base is a host, or with a leading period all hosts below a domain; a mail base may be one mailbox. An IP base is an
 * address and a contiguous mask. Bases of other kinds are remembered, and no name of theirs is ever found permitted or free.
 */
export class SubtreeIndex {
  readonly #kinds = new Set<GeneralNameKind>();
  readonly #domains = new Set<string>();
  readonly #parents = new Set<string>();
  readonly #mail = new HostSubtrees();
  readonly #mailboxes = new Set<string>();
  readonly #hosts = new HostSubtrees();
  readonly #networks = new Map<string, { readonly mask: Uint8Array; readonly addresses: Set<string> }>();
  readonly #directories = new Set<string>();
  readonly #names: Name[] = [];
  #loose: ReadonlySet<string> | undefined;

  /** Throws {@link MalformedSubtree}. */
  constructor(bases: readonly GeneralName[]) {
    for (const base of bases) {
      this.#kinds.add(base.kind);
      if (!this.#add(base)) throw new MalformedSubtree(base);
    }
  }

  /** Whether any subtree is of this kind. */
  constrains(kind: GeneralNameKind): boolean {
    return this.#kinds.has(kind);
  }

  /** Whether `name` lies in a subtree for certain: false for a name that is not well formed, or of a kind that is not compared. */
  holds(name: GeneralName): boolean {
    return this.#covers(name) === true;
  }

  /** Whether `name`, or a name that a wildcard in it stands for, may lie in a subtree: true when that cannot be known. */
  couldHold(name: GeneralName): boolean {
    if (this.#covers(name) !== false) return true;
    if (name.kind === 'directory') return isBelow(this.#looseDirectories, name.value.looseKeys);
    const dns = name.kind === 'dns' ? presentedDnsName(name.value) : undefined;
    return dns?.wildcard === true && this.#parents.has(dns.name);
  }

  /** The steps of work that it takes to find out whether `name` lies in a subtree. */
  stepsFor(name: GeneralName): number {
    return stepsToRead(name) + (name.kind === 'ip' ? this.#networks.size : 0);
  }

  #add(base: GeneralName): boolean {
    switch (base.kind) {
      case 'dns': {
        const domain = base.value === '' ? '' : dnsName(base.value);
        if (domain === undefined) return false;
        this.#domains.add(domain);
        this.#parents.add(parentDomain(domain) ?? '');
        return true;
      }
      case 'email': {
        if (!base.value.includes('@')) return this.#mail.add(base.value);
        const box = mailbox(base.value);
        if (box) this.#mailboxes.add(`${box.local}@${box.domain}`);
        return box !== undefined;
      }
      case 'uri':
        return this.#hosts.add(base.value);
      case 'ip':
        return this.#addNetwork(base.value);
      case 'directory':
        this.#directories.add(base.value.key);
        this.#names.push(base.value);
        return true;
      default:
        return true;
    }
  }

  /** Undefined when it cannot be known. */
  #covers(name: GeneralName): boolean | undefined {
    switch (name.kind) {
      case 'dns': {
        const dns = presentedDnsName(name.value);
        return dns && hasSuffix(this.#domains, dns.name);
      }
      case 'email':
      case 'other': {
        // RFC 9598 §6: constraints on rfc822Name are for every mailbox. Those on other names are not compared.
        const box = name.kind === 'other' && this.#kinds.has('other') ? undefined : presentedMailbox(name);
        return box && (this.#mail.holds(box.domain) || this.#mailboxes.has(`${box.local}@${box.domain}`));
      }
      case 'uri': {
        const host = uriHost(name.value);
        return host === undefined ? undefined : this.#hosts.holds(host);
      }
      case 'ip':
        return name.value.length === 4 || name.value.length === 16 ? this.#inNetwork(name.value) : undefined;
      case 'directory':
        return isBelow(this.#directories, name.value.keys);
      default:
        return undefined;
    }
  }

  #addNetwork(base: Uint8Array): boolean {
    if (base.length !== 8 && base.length !== 32) return false;
    const mask = base.subarray(base.length / 2);
    if (!isContiguous(mask)) return false;
    const id = keyOf(mask);
    let network = this.#networks.get(id);
    if (!network) this.#networks.set(id, (network = { mask, addresses: new Set<string>() }));
    network.addresses.add(keyOf(masked(base.subarray(0, mask.length), mask)));
    return true;
  }

  #inNetwork(address: Uint8Array): boolean {
    for (const { mask, addresses } of this.#networks.values())
      if (mask.length === address.length && addresses.has(keyOf(masked(address, mask)))) return true;
    return false;
  }

  get #looseDirectories(): ReadonlySet<string> {
    return (this.#loose ??= new Set(this.#names.map(({ looseKeys }) => looseKeys.join(''))));
  }
}

const MOST_LABELS = 127;

/**
 * The steps of work that a name takes by itself, as a base or to be compared with any number of them: one for each domain that it lies in, and for a directory
 * name its preparation and its beginnings, which are as many as its RDNs and each nearly as long as the whole.
 */
export function stepsToRead(name: GeneralName): number {
  switch (name.kind) {
    case 'dns':
    case 'email':
    case 'uri':
      return name.value.split('.', MOST_LABELS).length;
    case 'other':
      return Math.min(MOST_LABELS, 1 + (name.value.length >> 1));
    case 'directory': {
      const { der, rdns } = name.value;
      return 1 + (der.length >> 3) + ((der.length * rdns.length) >> 8);
    }
    default:
      return 1;
  }
}

/** Whether a name with these keys begins with one of `directories`. */
function isBelow(directories: ReadonlySet<string>, keys: readonly string[]): boolean {
  let prefix = '';
  if (directories.has(prefix)) return true;
  for (const key of keys) {
    prefix += key;
    if (directories.has(prefix)) return true;
  }
  return false;
}

/** Host names as URI and mail constraints write them. */
class HostSubtrees {
  readonly #exact = new Set<string>();
  readonly #below = new Set<string>();
  #all = false;

  add(base: string): boolean {
    if (base === '') return (this.#all = true);
    const host = dnsName(base.startsWith('.') ? base.slice(1) : base);
    if (host === undefined) return false;
    (base.startsWith('.') ? this.#below : this.#exact).add(host);
    return true;
  }

  holds(host: string): boolean {
    const parent = parentDomain(host);
    return this.#all || this.#exact.has(host) || (parent !== undefined && hasSuffix(this.#below, parent));
  }
}

/** Whether `name` or a domain above it is in `domains`; the empty one is above all. */
function hasSuffix(domains: ReadonlySet<string>, name: string): boolean {
  for (let at: string | undefined = name; at !== undefined; at = parentDomain(at)) if (domains.has(at)) return true;
  return domains.has('');
}

const keyOf = (octets: Uint8Array): string => Buffer.from(octets).toString('latin1');
const masked = (address: Uint8Array, mask: Uint8Array): Uint8Array => address.map((octet, i) => octet & (mask[i] ?? 0));

// RFC 4632 §3.1: ones, then zeros.
function isContiguous(mask: Uint8Array): boolean {
  return /^1*0*$/.test([...mask].map((octet) => octet.toString(2).padStart(8, '0')).join(''));
}
