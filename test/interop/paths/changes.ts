import { context, contextConstructed, DerReader, Tag, write } from '../../../src/der/index.js';
import {
  encodeExtensionOf,
  encodeName,
  ipFromString,
  KeyUsage,
  Oid,
  subjectPublicKeyInfoOf,
  type Extension,
  type GeneralName,
} from '../../../src/x509/index.js';
import {
  ADDRESS,
  commonName,
  days,
  dns,
  goodPlan,
  HOST,
  keyPair,
  names,
  NOW,
  type Hierarchy,
  type Plan,
} from './hierarchy.js';

/** A number from 0 to `limit` - 1. */
export type Below = (limit: number) => number;
type Change = (hierarchy: Hierarchy, below: Below) => void;

const critical = (extension: Extension, is: boolean): Extension => ({ ...extension, critical: is });
const leafOf = ({ plans }: Hierarchy): Plan => plans.at(-1)!;
const set = (plan: Plan, ...extensions: readonly Extension[]): void => {
  for (const extension of extensions) plan.extensions.set(extension.oid, extension);
};
/** A change of the leaf; of a CA, the anchor apart when there is another; of any certificate; of the anchor. */
const leaf =
  (change: (plan: Plan, below: Below) => void): Change =>
  (hierarchy, below) => {
    change(leafOf(hierarchy), below);
  };
const ca =
  (change: (plan: Plan, below: Below) => void): Change =>
  ({ plans }, below) => {
    change(plans[plans.length > 2 ? 1 + below(plans.length - 2) : 0]!, below);
  };
const any =
  (change: (plan: Plan, below: Below) => void): Change =>
  ({ plans }, below) => {
    change(plans[below(plans.length)]!, below);
  };
const anchor =
  (change: (plan: Plan, below: Below) => void): Change =>
  ({ plans, trusted }, below) => {
    change(trusted ?? plans.at(-1)!, below);
  };
const below =
  (change: (plan: Plan, below: Below) => void): Change =>
  ({ plans }, pick) => {
    change(plans[1 + pick(plans.length - 1)]!, pick);
  };
/** Other names, as critical as the ones before. */
const rename = (plan: Plan, list: readonly GeneralName[]): void => {
  set(plan, critical(names(...list), plan.extensions.get(Oid.subjectAltName)?.critical ?? false));
};
const san = (...list: readonly GeneralName[]): Change =>
  leaf((plan) => {
    rename(plan, list);
  });
const host =
  (value: string, ...list: readonly GeneralName[]): Change =>
  (hierarchy) => {
    hierarchy.host = value;
    if (list.length > 0) rename(leafOf(hierarchy), list);
  };
const ip = (text: string): GeneralName => ({ kind: 'ip', value: ipFromString(text)! });
const network = (hex: string): GeneralName => ({ kind: 'ip', value: Buffer.from(hex, 'hex') });
const directory = (organization: string): GeneralName => ({
  kind: 'directory',
  value: encodeName([[{ type: Oid.organizationName, value: organization }]]),
});
const subtrees = (
  permittedSubtrees: readonly GeneralName[],
  excludedSubtrees: readonly GeneralName[] = [],
): Extension => encodeExtensionOf.nameConstraints({ permittedSubtrees, excludedSubtrees });
const constrain = (permitted: readonly GeneralName[], excluded: readonly GeneralName[] = []): Change =>
  ca((plan) => set(plan, subtrees(permitted, excluded)));
const raw = (oid: string, isCritical: boolean, hex: string): Extension => ({
  oid,
  critical: isCritical,
  value: Buffer.from(hex, 'hex'),
});
const policies = (...list: readonly string[]): Extension => encodeExtensionOf.certificatePolicies(list);
const email = (value: string): GeneralName => ({ kind: 'email', value });
const uri = (value: string): GeneralName => ({ kind: 'uri', value });

/** The fields of a tbsCertificate, changed and put together again. */
function fields(octets: Uint8Array, change: (parts: Uint8Array[]) => void): Uint8Array {
  const reader = new DerReader(octets).enter(Tag.SEQUENCE, 'tbsCertificate');
  const parts: Uint8Array[] = [];
  while (!reader.done) parts.push(reader.element('field'));
  change(parts);
  return write.sequence(...parts);
}
const [VERSION, SERIAL, ISSUER, VALIDITY] = [0, 1, 3, 4];
const generalized = (date: Date): Uint8Array =>
  write.element(Tag.GENERALIZED_TIME, Buffer.from(date.toISOString().replace(/[-:T]|\.\d+/g, '')));

/** The issuer's name in another string type, with white space around and inside; the same name (RFC 5280 §7.1). */
function rewritten(name: Uint8Array, type: number, edit: (text: string) => string): Uint8Array {
  const rdns: Uint8Array[] = [];
  const reader = new DerReader(name).enter(Tag.SEQUENCE, 'name');
  while (!reader.done) {
    const attribute = reader.enter(Tag.SET, 'RDN').enter(Tag.SEQUENCE, 'attribute');
    const oid = attribute.element('type');
    const value = write.element(type, Buffer.from(edit(attribute.string('value'))));
    rdns.push(write.setOf(write.sequence(oid, value)));
  }
  return write.sequence(...rdns);
}
const issuerRewritten = (type: number, edit: (text: string) => string): Change =>
  below((plan) => {
    plan.tbs = (octets) => fields(octets, (parts) => (parts[ISSUER] = rewritten(parts[ISSUER]!, type, edit)));
  });

/** An authorityKeyIdentifier that names its issuer's certificate as well. */
const byIssuerAndSerial =
  (serialNumber?: Uint8Array): Change =>
  ({ plans }, pick) => {
    const at = 1 + pick(plans.length - 1);
    const issuer = plans[at - 1]!;
    const id = encodeExtensionOf.subjectKeyIdentifier(subjectPublicKeyInfoOf(issuer.keyPair.publicKey).keyIdentifier);
    const keyIdentifier = issuer.extensions.get(Oid.subjectKeyIdentifier) ?? id;
    const value = write.sequence(
      write.octetString(keyIdentifier.value.subarray(2), context(0)),
      write.element(contextConstructed(1), write.explicit(4, (plans[at - 2] ?? issuer).subject.der)),
      write.element(context(2), serialNumber ?? issuer.serialNumber),
    );
    set(plans[at]!, { oid: Oid.authorityKeyIdentifier, critical: false, value });
  };

// Names and subtrees of which OpenSSL thinks as we do: it takes a userinfo for a part of the host, and no empty host or mailbox for all of them.
const SEVERAL_NAMES: readonly GeneralName[] = [
  ...[HOST, 'example.com', 'a.example.org', 'localhost'].map(dns),
  ...['bob@example.com', 'Bob@example.com', 'bob@mail.example.com', 'bob@example.org'].map(email),
  ...['https://orders.example.com/', 'https://a.b.example.com:443', 'spiffe://example.com/x'].map(uri),
  ...[ADDRESS, '192.168.0.1', '2001:db8::1'].map(ip),
  ...['Veritas', 'veritas', 'Others'].map(directory),
];
const SEVERAL_SUBTREES: readonly GeneralName[] = [
  ...['example.com', HOST, '', 'org', 'EXAMPLE.com', 'a.orders.example.com'].map(dns),
  ...['example.com', '.example.com', 'bob@example.com', 'bob@EXAMPLE.com', 'mail.example.com'].map(email),
  ...['example.com', '.example.com', 'ORDERS.example.com', '.com'].map(uri),
  ...['0a000000ff000000', '0a010203ffffffff', '0000000000000000', 'c0a80000ff800000', '0a010203ff000000'].map(network),
  ...[network('20010db8'.padEnd(32, '0') + 'ffffffff'.padEnd(32, '0')), network('0'.repeat(64))],
  ...['Veritas', 'VERITAS', 'Others'].map(directory),
];
const some = <T>(list: readonly T[], pick: Below, count: number): T[] =>
  Array.from({ length: count }, () => list[pick(list.length)]!);

/** Something of note about a hierarchy, right or wrong. The same name always changes the same thing. */
export const CHANGES: Readonly<Record<string, Change>> = {
  // Dates
  expired: any((plan) => (plan.notAfter = days(-1))),
  'not yet valid': any((plan) => (plan.notBefore = days(1))),
  'ends this second': any((plan) => (plan.notAfter = NOW)),
  'ended a second ago': any((plan) => (plan.notAfter = new Date(NOW.getTime() - 1000))),
  'begins this second': any((plan) => (plan.notBefore = NOW)),
  'begins in a second': any((plan) => (plan.notBefore = new Date(NOW.getTime() + 1000))),
  'ends in 2060': any((plan) => (plan.notAfter = new Date('2060-01-01T00:00:00Z'))),
  'ends in 9999': any((plan) => (plan.notAfter = new Date('9999-12-31T23:59:59Z'))),
  'GeneralizedTime before 2050': any((plan) => {
    plan.tbs = (octets) =>
      fields(octets, (parts) => {
        parts[VALIDITY] = write.sequence(generalized(plan.notBefore), generalized(plan.notAfter));
      });
  }),
  // Signatures, names and keys
  'signature broken': below((plan) => {
    plan.whole = (octets) => {
      octets[octets.length - 1]! ^= 1;
      return octets;
    };
  }),
  'signed by another key': below((plan) => (plan.signer = keyPair('P-256', 9))),
  'names another issuer': below((plan) => (plan.issuer = commonName('Somebody else'))),
  'names its issuer in capitals': below((plan) => {
    plan.tbs = (octets) => Buffer.from(octets.toString('latin1').replace('Veritas', 'VERITAS'), 'latin1');
  }),
  'names its issuer in a PrintableString': issuerRewritten(Tag.PRINTABLE_STRING, (text) => text),
  'names its issuer with spaces': issuerRewritten(Tag.UTF8_STRING, (text) => ` ${text.replace(' ', '   ')} `),
  'names its issuer with another name after it': issuerRewritten(Tag.UTF8_STRING, (text) => `${text}x`),
  'two algorithms': any((plan) => {
    // ecdsa-with-SHA256 becomes SHA384 outside of what is signed.
    plan.whole = (octets) => {
      const at = octets.lastIndexOf(Buffer.from('2a8648ce3d040302', 'hex'));
      if (at >= 0) octets[at + 7] = 3;
      return octets;
    };
  }),
  'signed with SHA-1': below((plan) => (plan.digest = 'sha1')),
  'RSA-1024': any((plan) => (plan.keyPair = keyPair('RSA-1024', 0))),
  'RSA-2048': any((plan) => (plan.keyPair = keyPair('RSA-2048', 0))),
  'RSA-PSS': any((plan) => (plan.keyPair = keyPair('RSA-PSS-2048', 0))),
  'P-384': any((plan) => (plan.keyPair = keyPair('P-384', 0))),
  'P-521': any((plan) => (plan.keyPair = keyPair('P-521', 0))),
  Ed25519: any((plan) => (plan.keyPair = keyPair('Ed25519', 0))),
  'a point beside the curve': leaf((plan) => {
    plan.tbs = (octets) => {
      const at = octets.indexOf(Buffer.from('03420004', 'hex'));
      if (at >= 0) octets[at + 40]! ^= 1;
      return octets;
    };
  }),
  // Form
  'serial number 0': any((plan) => (plan.serialNumber = Uint8Array.of(0))),
  'negative serial number': any((plan) => {
    plan.tbs = (octets) => fields(octets, (parts) => (parts[SERIAL] = Buffer.from('02018f', 'hex')));
  }),
  'serial number of 20 octets': any((plan) => (plan.serialNumber = Buffer.alloc(20, 0x7f))),
  'serial number of 21 octets': any((plan) => (plan.serialNumber = Buffer.alloc(21, 0x7f))),
  'version 1': any((plan) => {
    plan.extensions.clear();
    plan.bare = true;
    plan.tbs = (octets) => fields(octets, (parts) => parts.splice(VERSION, 1));
  }),
  'version 1 with extensions': any((plan) => {
    plan.tbs = (octets) => fields(octets, (parts) => parts.splice(VERSION, 1));
  }),
  'version 2': any((plan) => {
    plan.extensions.clear();
    plan.bare = true;
    plan.tbs = (octets) => fields(octets, (parts) => (parts[VERSION] = Buffer.from('a003020101', 'hex')));
  }),
  'a unique identifier': any((plan) => {
    plan.tbs = (octets) => fields(octets, (parts) => parts.splice(7, 0, Buffer.from('82020001', 'hex')));
  }),
  'an extension twice': any((plan) => {
    plan.tbs = (octets) =>
      fields(octets, (parts) => {
        if (parts.at(-1)?.[0] !== contextConstructed(3)) return;
        const all = new DerReader(parts.at(-1)!)
          .enter(contextConstructed(3), 'extensions')
          .enter(Tag.SEQUENCE, 'extensions');
        const list: Uint8Array[] = [];
        while (!all.done) list.push(all.element('extension'));
        parts[parts.length - 1] = write.explicit(3, write.sequence(...list, list[0]!));
      });
  }),
  'trailing octets': any((plan) => {
    plan.whole = (octets) => Buffer.concat([octets, Buffer.of(0)]);
  }),
  'unknown extension': any((plan) => set(plan, raw('1.2.3.4', false, '0500'))),
  'unknown critical extension': any((plan) => set(plan, raw('1.2.3.4', true, '0500'))),
  // Key identifiers
  'no authorityKeyIdentifier': below((plan) => (plan.bare = true)),
  'root without authorityKeyIdentifier': ({ plans }) => {
    plans[0]!.bare = true;
  },
  'another authorityKeyIdentifier': below((plan) =>
    set(plan, encodeExtensionOf.authorityKeyIdentifier({ keyIdentifier: Buffer.alloc(20, 7) })),
  ),
  'critical authorityKeyIdentifier': below((plan) =>
    set(plan, critical(encodeExtensionOf.authorityKeyIdentifier({ keyIdentifier: Buffer.alloc(20, 7) }), true)),
  ),
  'authorityKeyIdentifier without keyIdentifier': below((plan) =>
    set(plan, raw(Oid.authorityKeyIdentifier, false, '3000')),
  ),
  'authorityKeyIdentifier with issuer and serial number': byIssuerAndSerial(),
  'authorityKeyIdentifier with another serial number': byIssuerAndSerial(Uint8Array.of(9, 9)),
  'no subjectKeyIdentifier in a CA': ca((plan) => plan.extensions.delete(Oid.subjectKeyIdentifier)),
  'no subjectKeyIdentifier in the leaf': leaf((plan) => plan.extensions.delete(Oid.subjectKeyIdentifier)),
  // CAs
  'a CA without basicConstraints': ca((plan) => plan.extensions.delete(Oid.basicConstraints)),
  'a CA with cA FALSE': ca((plan) => set(plan, raw(Oid.basicConstraints, true, '3000'))),
  'a CA with cA FALSE written out': ca((plan) => set(plan, raw(Oid.basicConstraints, true, '3003010100'))),
  'basicConstraints of a CA not critical': ca((plan) =>
    set(plan, critical(encodeExtensionOf.basicConstraints({ cA: true, pathLenConstraint: undefined }), false)),
  ),
  'a path length': ca((plan, pick) =>
    set(plan, encodeExtensionOf.basicConstraints({ cA: true, pathLenConstraint: pick(4) })),
  ),
  'a long path length': ca((plan, pick) =>
    set(
      plan,
      encodeExtensionOf.basicConstraints({ cA: true, pathLenConstraint: [127, 128, 200, 0x7fff_ffff][pick(4)]! }),
    ),
  ),
  'a negative path length': ca((plan) => set(plan, raw(Oid.basicConstraints, true, '30060101ff0201ff'))),
  'an anchor with a path length': anchor((plan, pick) =>
    set(plan, encodeExtensionOf.basicConstraints({ cA: true, pathLenConstraint: pick(3) })),
  ),
  'an anchor without basicConstraints': anchor((plan) => plan.extensions.delete(Oid.basicConstraints)),
  'an anchor without keyUsage': anchor((plan) => plan.extensions.delete(Oid.keyUsage)),
  'a CA without keyUsage': ca((plan) => plan.extensions.delete(Oid.keyUsage)),
  'a CA that may only sign CRLs': ca((plan) => set(plan, encodeExtensionOf.keyUsage([KeyUsage.cRLSign]))),
  'keyUsage not critical': any((plan) => {
    const usage = plan.extensions.get(Oid.keyUsage);
    if (usage) set(plan, critical(usage, false));
  }),
  'a leaf that is a CA': leaf((plan) =>
    set(
      plan,
      encodeExtensionOf.basicConstraints({ cA: true, pathLenConstraint: undefined }),
      encodeExtensionOf.keyUsage([KeyUsage.keyCertSign, KeyUsage.digitalSignature]),
    ),
  ),
  'a leaf with keyCertSign': leaf((plan) => set(plan, encodeExtensionOf.keyUsage([0, KeyUsage.keyCertSign]))),
  'a leaf with a path length': leaf((plan) => set(plan, raw(Oid.basicConstraints, true, '3003020100'))),
  'a leaf with basicConstraints': leaf((plan) => set(plan, raw(Oid.basicConstraints, true, '3000'))),
  'a self-issued CA': ({ plans }, pick) => {
    const at = pick(plans.length - 1);
    const rolled = goodPlan('ca', 'rolled', keyPair('P-256', 8), 90);
    rolled.subject = plans[at]!.subject;
    plans.splice(at + 1, 0, rolled);
  },
  'a self-issued CA with a forbidden name': ({ plans }, pick) => {
    const at = pick(plans.length - 1);
    const rolled = goodPlan('ca', 'rolled', keyPair('P-256', 8), 90);
    rolled.subject = plans[at]!.subject;
    set(rolled, names(dns('ca.example.org')));
    set(plans[at]!, subtrees([dns('example.com')]));
    plans.splice(at + 1, 0, rolled);
  },
  'CAs of one name': ({ plans }) => {
    for (const plan of plans.slice(0, -1)) plan.subject = plans[0]!.subject;
  },
  'a self-issued leaf': ({ plans }) => {
    plans.at(-1)!.subject = plans.at(-2)!.subject;
  },
  // Usages
  'leaf without keyUsage': leaf((plan) => plan.extensions.delete(Oid.keyUsage)),
  'leaf that only enciphers data': leaf((plan) => set(plan, encodeExtensionOf.keyUsage([KeyUsage.dataEncipherment]))),
  'leaf for clients': leaf((plan) => set(plan, encodeExtensionOf.extendedKeyUsage([Oid.clientAuth]))),
  'leaf for both': leaf((plan) => set(plan, encodeExtensionOf.extendedKeyUsage([Oid.clientAuth, Oid.serverAuth]))),
  'leaf for anything': leaf((plan) => set(plan, encodeExtensionOf.extendedKeyUsage([Oid.anyExtendedKeyUsage]))),
  'leaf without extendedKeyUsage': leaf((plan) => plan.extensions.delete(Oid.extendedKeyUsage)),
  'critical extendedKeyUsage': leaf((plan) =>
    set(plan, critical(encodeExtensionOf.extendedKeyUsage([Oid.serverAuth]), true)),
  ),
  'leaf for servers and anything': leaf((plan) =>
    set(plan, encodeExtensionOf.extendedKeyUsage([Oid.anyExtendedKeyUsage, Oid.serverAuth])),
  ),
  'leaf for servers, twice': leaf((plan) =>
    set(plan, encodeExtensionOf.extendedKeyUsage([Oid.serverAuth, Oid.serverAuth])),
  ),
  'a CA for clients': ca((plan) => set(plan, encodeExtensionOf.extendedKeyUsage([Oid.clientAuth]))),
  'a CA for servers': ca((plan) => set(plan, encodeExtensionOf.extendedKeyUsage([Oid.serverAuth]))),
  'a CA for anything': ca((plan) => set(plan, encodeExtensionOf.extendedKeyUsage([Oid.anyExtendedKeyUsage]))),
  'an anchor for clients': anchor((plan) => set(plan, encodeExtensionOf.extendedKeyUsage([Oid.clientAuth]))),
  // Names
  'another host': host('other.example.com'),
  'a host in capitals': host('ORDERS.Example.COM'),
  'a host with a final dot': host(`${HOST}.`),
  'a name in capitals': san(dns('Orders.EXAMPLE.com')),
  'a name with a final dot': san(dns(`${HOST}.`)),
  'a wildcard': san(dns('*.example.com')),
  'a wildcard and two labels': host('a.b.example.com', dns('*.example.com')),
  'a wildcard and its parent': host('example.com', dns('*.example.com')),
  'a wildcard under one label': host('example.com', dns('*.com')),
  'a partial wildcard': san(dns('ord*.example.com')),
  'a wildcard inside': san(dns('orders.*.com')),
  'two wildcards': san(dns('*.*.com')),
  'a name with an underscore': host('a_b.example.com', dns('a_b.example.com')),
  'an address': host(ADDRESS, ip(ADDRESS)),
  'an IPv6 address': host('2001:db8::1', ip('2001:db8::1')),
  'another address': host('10.1.2.4', ip(ADDRESS)),
  'an address in IPv6': host(`::ffff:${ADDRESS}`, ip(ADDRESS)),
  'a wildcard below an A-label': host('xn--bcher-kva.example.com', dns('*.example.com')),
  'an A-label in capitals': host('xn--bcher-kva.example.com', dns('XN--BCHER-KVA.example.com')),
  'host only in a URI and a mailbox': san(uri(`https://${HOST}/`), email(`bob@${HOST}`)),
  'a mailbox in the subject': leaf((plan) => {
    plan.subject = encodeName([
      [{ type: Oid.organizationName, value: 'Veritas' }],
      [{ type: Oid.emailAddress, value: 'bob@example.com' }],
    ]);
  }),
  'an address as a DNS name': host(ADDRESS, dns(ADDRESS)),
  'an empty name beside it': (hierarchy, pick) => {
    san(dns(HOST), [dns(''), dns(' '), email(''), uri('')][pick(4)]!)(hierarchy, pick);
  },
  'an address of 5 octets': leaf((plan) => set(plan, raw(Oid.subjectAltName, false, '3007870501020304' + '05'))),
  'more names': san(
    dns(HOST),
    dns('orders.example.org'),
    ip(ADDRESS),
    email('bob@example.com'),
    uri('https://orders.example.com/'),
  ),
  'host only as the common name': leaf((plan) => {
    plan.extensions.delete(Oid.subjectAltName);
    plan.subject = commonName(HOST);
  }),
  'critical subjectAltName': leaf((plan) => set(plan, encodeExtensionOf.subjectAltName([dns(HOST)], true))),
  'empty subject': leaf((plan) => (plan.subject = encodeName([]))),
  'empty subject, critical subjectAltName': leaf((plan) => {
    plan.subject = encodeName([]);
    set(plan, encodeExtensionOf.subjectAltName([dns(HOST)], true));
  }),
  'a CA with an empty subject': ca((plan) => (plan.subject = encodeName([]))),
  // Name constraints
  'permitted name': constrain([dns('example.com')]),
  'permitted name, exactly': constrain([dns(HOST)]),
  'permitted: every name': constrain([dns('')]),
  'permitted: another name': constrain([dns('example.org')]),
  'permitted: part of a label': constrain([dns('ample.com')]),
  'permitted: leading dot': constrain([dns('.example.com')]),
  'excluded name': constrain([], [dns('example.com')]),
  'excluded: below the name': constrain([], [dns('a.orders.example.com')]),
  'excluded: another name': constrain([], [dns('example.org')]),
  'excluded: every name': constrain([], [dns('')]),
  'permitted and excluded': constrain([dns('example.com')], [dns('orders.example.com')]),
  'permitted network': constrain([network('0a010000ffff0000')]),
  'excluded network': constrain([], [network('0a010000ffff0000')]),
  'permitted: another network': constrain([network('c0a80000ffff0000')]),
  'permitted: mask with a hole': constrain([network('0a010000ff00ff00')]),
  'permitted: IPv6 network': constrain([network('20010db8'.padEnd(32, '0') + 'ffffffff'.padEnd(32, '0'))]),
  'permitted directory': constrain([directory('Veritas')]),
  'permitted directory, in capitals': constrain([directory('VERITAS')]),
  'permitted: another directory': constrain([directory('Others')]),
  'excluded directory': constrain([], [directory('Veritas')]),
  'excluded: another directory': constrain([], [directory('Others')]),
  'permitted mail host': constrain([email('example.com')]),
  'permitted mail domain': constrain([email('.example.com')]),
  'excluded mailbox': constrain([], [email('bob@example.com')]),
  'permitted URI host': constrain([uri('orders.example.com')]),
  'permitted URI domain': constrain([uri('.example.com')]),
  'excluded URI host': constrain([], [uri('orders.example.com')]),
  'constraints on registeredID': constrain([{ kind: 'registeredId', value: '1.2.3' }]),
  'constraints of several kinds': ({ plans }, pick) => {
    rename(plans.at(-1)!, [dns(HOST), ...some(SEVERAL_NAMES, pick, pick(4))]);
    for (let left = 1 + pick(2); left > 0; left--) {
      const permitted = some(SEVERAL_SUBTREES, pick, pick(4));
      const excluded = some(SEVERAL_SUBTREES, pick, permitted.length > 0 ? pick(2) : 1);
      set(plans[pick(plans.length - 1)]!, subtrees(permitted, excluded));
    }
  },
  'constraints not critical': ca((plan) => set(plan, critical(subtrees([dns('example.com')]), false))),
  'constraints not critical, broken': ca((plan) => set(plan, critical(subtrees([dns('example.org')]), false))),
  'empty constraints': ca((plan) => set(plan, raw(Oid.nameConstraints, true, '3000'))),
  'constraints with a minimum': ca((plan) =>
    set(plan, raw(Oid.nameConstraints, true, '3010a00e300c8207' + '6578616d706c65' + '800101')),
  ),
  'constraints in the leaf': leaf((plan) => set(plan, subtrees([dns('example.com')]))),
  'constraints of the anchor': anchor((plan) => set(plan, subtrees([dns('example.org')]))),
  // Policies
  'policies all the way': ({ plans }) => {
    for (const plan of plans.slice(1)) set(plan, policies('1.2.3'));
  },
  'policies all the way, one required': ({ plans }, pick) => {
    for (const plan of plans.slice(1)) set(plan, policies('1.2.3', '1.2.4'));
    set(
      plans[1 + pick(plans.length - 1)]!,
      policies(...[['1.2.3'], ['1.2.5'], [Oid.anyPolicy], ['1.2.5', Oid.anyPolicy]][pick(4)]!),
    );
    set(plans[Math.min(1, plans.length - 2)]!, raw(Oid.policyConstraints, true, '3003800100'));
  },
  'policies all the way, mapped': ({ plans }, pick) => {
    const at = 1 + pick(plans.length - 1);
    plans.slice(1).forEach((plan, index) => {
      set(plan, policies(index + 1 > at ? '1.2.4' : '1.2.3'));
    });
    // 1.2.3 of the issuer is 1.2.4, or 1.2.5, of the subject.
    if (at < plans.length - 1) set(plans[at]!, raw(Oid.policyMappings, true, `300a300806022a0306022a0${4 + pick(2)}`));
    set(
      plans[Math.min(1, plans.length - 2)]!,
      raw(Oid.policyConstraints, true, pick(3) === 0 ? '3006800100810100' : '3003800100'),
    );
  },
  'anyPolicy inhibited': ({ plans }, pick) => {
    for (const plan of plans.slice(1)) set(plan, policies(Oid.anyPolicy));
    const first = plans[Math.min(1, plans.length - 2)]!;
    set(first, raw(Oid.policyConstraints, true, '3003800100'), raw(Oid.inhibitAnyPolicy, true, `02010${pick(3)}`));
  },
  'policies at random': ({ plans }, pick) => {
    const known = ['1.2.3', '1.2.4', '1.2.5', Oid.anyPolicy];
    const first = Math.min(1, plans.length - 2);
    plans.slice(1).forEach((plan, index) => {
      const list = known.filter(() => pick(2) === 0);
      if (list.length > 0) set(plan, policies(...list));
      if (index === plans.length - 2) return;
      if (pick(2) === 0) set(plan, raw(Oid.policyMappings, true, `300a300806022a0${3 + pick(3)}06022a0${3 + pick(3)}`));
      if (pick(4) === 0) set(plan, raw(Oid.policyConstraints, true, `300680010${pick(3)}81010${pick(3)}`));
      if (pick(4) === 0) set(plan, raw(Oid.inhibitAnyPolicy, true, `02010${pick(3)}`));
    });
    set(plans[first]!, raw(Oid.policyConstraints, true, '3003800100'));
  },
  'a policy in the leaf': leaf((plan) => set(plan, policies('1.2.3'))),
  'an explicit policy is required': ca((plan, pick) =>
    set(plan, raw(Oid.policyConstraints, true, `300380010${pick(3)}`)),
  ),
  'policyConstraints not critical': ca((plan) => set(plan, raw(Oid.policyConstraints, false, '3003800103'))),
  inhibitAnyPolicy: ca((plan) => set(plan, raw(Oid.inhibitAnyPolicy, true, '020100'))),
  anyPolicy: any((plan) => set(plan, policies(Oid.anyPolicy))),
  'a policy twice': any((plan) => set(plan, policies('1.2.3', '1.2.3'))),
  'critical policies with a foreign qualifier': any((plan) =>
    set(plan, raw(Oid.certificatePolicies, true, '3010300e06022a03300830060602' + '2a040500')),
  ),
  // Ways
  'an intermediate is missing': ({ plans, omitted }, pick) => {
    if (plans.length > 2) omitted.add(plans[1 + pick(plans.length - 2)]!);
  },
  'an intermediate is trusted': (hierarchy, pick) => {
    hierarchy.trusted = hierarchy.plans[pick(hierarchy.plans.length - 1)];
  },
  'the leaf is trusted': (hierarchy) => {
    hierarchy.trusted = hierarchy.plans.at(-1);
  },
  'another root is trusted': (hierarchy) => {
    hierarchy.others.push({ plan: goodPlan('ca', 'Another', keyPair('P-256', 9), 91), by: undefined, as: 'anchor' });
  },
  'only another root of its name is trusted': (hierarchy) => {
    const other = goodPlan('ca', 'Another', keyPair('P-256', 9), 92);
    other.subject = hierarchy.plans[0]!.subject;
    hierarchy.others.push({ plan: other, by: undefined, as: 'anchor' });
    hierarchy.trusted = undefined;
  },
  'a CA of the same name with another key': ({ plans, others }, pick) => {
    const at = pick(plans.length - 1);
    const other = goodPlan('ca', 'Another', keyPair('P-256', 9), 93);
    other.subject = plans[at]!.subject;
    others.push({ plan: other, by: at === 0 ? undefined : plans[at - 1], as: 'intermediate' });
  },
  'an expired twin of a CA': ({ plans, others }, pick) => {
    const at = pick(plans.length - 1);
    const twin = { ...plans[at]!, serialNumber: Uint8Array.of(0x51), notAfter: days(-2) };
    others.push({ plan: twin, by: at === 0 ? undefined : plans[at - 1], as: 'intermediate' });
  },
  'an untrusted twin of a CA': ({ plans, others }, pick) => {
    const at = pick(plans.length - 1);
    const twin = {
      ...plans[at]!,
      serialNumber: Uint8Array.of(0x52),
      issuer: commonName('Nobody'),
      signer: keyPair('P-256', 9),
    };
    others.push({ plan: twin, by: plans[at], as: 'intermediate' });
  },
  'the root by way of an older root': (hierarchy) => {
    const older = goodPlan('ca', 'Older', keyPair('P-256', 9), 94);
    if (hierarchy.trusted === hierarchy.plans[0]) hierarchy.trusted = older;
    hierarchy.plans.unshift(older);
  },
  'self-signed leaf': ({ plans, omitted }) => {
    for (const plan of plans.slice(1, -1)) omitted.add(plan);
    const own = plans.at(-1)!;
    own.signer = own.keyPair;
    own.issuer = own.subject;
    set(
      own,
      encodeExtensionOf.authorityKeyIdentifier({
        keyIdentifier: own.extensions.get(Oid.subjectKeyIdentifier)?.value.subarray(2),
      }),
    );
  },
};
