import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Tag, write } from '../../der/index.js';
import { TestCa } from '../../testing/index.js';
import {
  encodeExtensionOf,
  encodeName,
  ipFromString,
  nameFrom,
  Oid,
  validateCertificatePath,
  type GeneralName,
} from '../index.js';
import { MalformedSubtree, SubtreeIndex } from './name-subtrees.js';

const root = TestCa.root();
const dns = (value: string): GeneralName => ({ kind: 'dns', value });
const email = (value: string): GeneralName => ({ kind: 'email', value });
const uri = (value: string): GeneralName => ({ kind: 'uri', value });
const ip = (value: string): GeneralName => ({ kind: 'ip', value: ipFromString(value)! });
const network = (address: string, mask: string): GeneralName => ({
  kind: 'ip',
  value: Buffer.concat([ipFromString(address)!, ipFromString(mask)!]),
});
const directory = (organization: string, commonName?: string): GeneralName => ({
  kind: 'directory',
  value: commonName
    ? nameFrom({ organization, commonName })
    : encodeName([[{ type: Oid.organizationName, value: organization }]]),
});
const other = (type = '1.2.3.4'): GeneralName => ({ kind: 'other', type, value: Buffer.from('0c0161', 'hex') });

const mailbox = (text: string): GeneralName => ({
  kind: 'other',
  type: Oid.smtpUtf8Mailbox,
  value: write.utf8String(text),
});

interface Subtrees {
  readonly permitted?: readonly GeneralName[];
  readonly excluded?: readonly GeneralName[];
}

const constraints = ({ permitted = [], excluded = [] }: Subtrees) =>
  encodeExtensionOf.nameConstraints({ permittedSubtrees: permitted, excludedSubtrees: excluded });

/** The code for a leaf with `names` below a CA with `subtrees`. */
function check(subtrees: Subtrees, names: readonly GeneralName[], options = {}): string {
  const ca = root.intermediate({ extensions: [constraints(subtrees)] });
  return codeOf(ca.issue({ names, ...options }).certificate, [ca]);
}

function codeOf(leaf: TestCa['certificate'], cas: readonly TestCa[], anchor = root): string {
  const result = validateCertificatePath({
    leaf,
    intermediates: cas.map(({ certificate }) => certificate),
    anchors: [anchor.certificate],
    time: new Date(),
  });
  return result.ok ? 'ok' : result.reason.code;
}

const BAD = 'name_constraints';

describe('name constraints', () => {
  it.each<[string, Subtrees, GeneralName[], string]>([
    ['a DNS name that is the base', { permitted: [dns('example.com')] }, [dns('example.com')], 'ok'],
    ['one below it, in capitals', { permitted: [dns('Example.com')] }, [dns('A.B.EXAMPLE.com')], 'ok'],
    ['one that only ends like it', { permitted: [dns('example.com')] }, [dns('badexample.com')], BAD],
    ['one name of two', { permitted: [dns('example.com')] }, [dns('example.com'), dns('example.org')], BAD],
    ['a wildcard below', { permitted: [dns('example.com')] }, [dns('*.example.com')], 'ok'],
    ['a wildcard that could be excluded', { excluded: [dns('a.example.com')] }, [dns('*.example.com')], BAD],
    ['a wildcard that could not', { excluded: [dns('b.a.example.com')] }, [dns('*.example.com')], 'ok'],
    ['every DNS name excluded', { excluded: [dns('')] }, [dns('example.com')], BAD],
    ['every DNS name excluded, and none there', { excluded: [dns('')] }, [ip('10.0.0.1')], 'ok'],
    ['a name of no DNS form', { permitted: [dns('example.com')] }, [dns('.example.com')], BAD],
    ['excluded wins', { permitted: [dns('example.com')], excluded: [dns('example.com')] }, [dns('example.com')], BAD],
    ['a base with a leading period', { permitted: [dns('.example.com')] }, [dns('a.example.com')], BAD],
    ['a base with a wildcard', { permitted: [dns('*.example.com')] }, [dns('a.example.com')], BAD],
    ['a malformed base of another kind', { permitted: [dns('.example.com')] }, [], BAD],
    ['an address in the network', { permitted: [network('10.1.0.0', '255.255.0.0')] }, [ip('10.1.2.3')], 'ok'],
    ['an address outside', { permitted: [network('10.1.0.0', '255.255.0.0')] }, [ip('10.2.0.1')], BAD],
    ['an excluded address', { excluded: [network('10.1.2.3', '255.255.255.255')] }, [ip('10.1.2.3')], BAD],
    ['an IPv6 address', { permitted: [network('2001:db8::', 'ffff:ffff::')] }, [ip('2001:db8:1::1')], 'ok'],
    ['an IPv6 address where IPv4 is permitted', { permitted: [network('0.0.0.0', '0.0.0.0')] }, [ip('::1')], BAD],
    ['a mask with a hole', { permitted: [network('10.0.0.0', '255.0.255.0')] }, [ip('10.1.0.1')], BAD],
    ['a mailbox on the host', { permitted: [email('example.com')] }, [email('Bob@EXAMPLE.com')], 'ok'],
    ['a mailbox below the host', { permitted: [email('example.com')] }, [email('bob@a.example.com')], BAD],
    ['a mailbox below the domain', { permitted: [email('.example.com')] }, [email('bob@a.example.com')], 'ok'],
    ['a mailbox on the domain itself', { permitted: [email('.example.com')] }, [email('bob@example.com')], BAD],
    ['one mailbox', { permitted: [email('bob@example.com')] }, [email('bob@example.com')], 'ok'],
    ['its case counts', { permitted: [email('bob@example.com')] }, [email('Bob@example.com')], BAD],
    ['a mailbox with two signs', { permitted: [email('example.com')] }, [email('a@b@example.com')], BAD],
    ['a base with two signs', { permitted: [email('a@b@example.com')] }, [], BAD],
    ['every mailbox', { permitted: [email('')] }, [email('bob@example.com')], 'ok'],
    ['a URI at the host', { permitted: [uri('example.com')] }, [uri('https://u@example.com:8443/x?y')], 'ok'],
    ['a URI below the host', { permitted: [uri('example.com')] }, [uri('https://a.example.com/')], BAD],
    ['a URI below the domain', { permitted: [uri('.example.com')] }, [uri('spiffe://a.example.com/x')], 'ok'],
    ['a URI without authority', { excluded: [uri('example.com')] }, [uri('urn:uuid:1')], BAD],
    ['a URI with an address', { excluded: [uri('example.com')] }, [uri('http://10.0.0.1/')], BAD],
    [
      'a URI with a backslash',
      { permitted: [uri('good.example')] },
      [uri('https://evil.example\\@good.example/')],
      BAD,
    ],
    ['a URI with two signs', { permitted: [uri('good.example')] }, [uri('https://a@evil.example@good.example/')], BAD],
    ['a URI with a space', { permitted: [uri('good.example')] }, [uri('https://evil.example @good.example/')], BAD],
    ['a URI base with a path', { excluded: [uri('example.com/x')] }, [], BAD],
    ['a kind that is not constrained', { permitted: [network('10.0.0.0', '255.0.0.0')] }, [dns('example.com')], 'ok'],
    ['a kind that cannot be compared, and is there', { excluded: [other('1.2.3.5')] }, [other()], BAD],
    ['a kind that cannot be compared, and is not there', { excluded: [other()] }, [dns('example.com')], 'ok'],
    [
      'a registeredID',
      { permitted: [{ kind: 'registeredId', value: '1.2.3' }] },
      [{ kind: 'registeredId', value: '1.2.3' }],
      BAD,
    ],
    ['a UTF-8 mailbox at a host', { permitted: [email('example.com')] }, [mailbox('dörte@EXAMPLE.com')], 'ok'],
    ['a UTF-8 mailbox below a host', { permitted: [email('example.com')] }, [mailbox('dörte@a.example.com')], BAD],
    ['a UTF-8 mailbox below a domain', { permitted: [email('.example.com')] }, [mailbox('dörte@a.example.com')], 'ok'],
    ['a UTF-8 mailbox at an excluded host', { excluded: [email('example.com')] }, [mailbox('dörte@example.com')], BAD],
    ['a UTF-8 mailbox elsewhere', { excluded: [email('example.org')] }, [mailbox('dörte@example.com')], 'ok'],
    ['a UTF-8 mailbox beside a mailbox', { permitted: [email('d@example.com')] }, [mailbox('ď@example.com')], BAD],
    ['a UTF-8 mailbox in ASCII', { permitted: [email('example.com')] }, [mailbox('d@example.com')], BAD],
    ['a UTF-8 mailbox with a U-label', { excluded: [email('example.org')] }, [mailbox('dörte@dörfer.example')], BAD],
    ['a UTF-8 mailbox that is none', { excluded: [email('example.org')] }, [other(Oid.smtpUtf8Mailbox)], BAD],
    [
      'a UTF-8 mailbox that is no UTF-8',
      { excluded: [email('example.org')] },
      [{ kind: 'other', type: Oid.smtpUtf8Mailbox, value: write.ia5String('d@example.com') }],
      BAD,
    ],
    [
      'a UTF-8 mailbox, permitted as mail and not as its kind',
      { permitted: [email('example.com'), other()] },
      [mailbox('dörte@example.com')],
      BAD,
    ],
    ['a UTF-8 mailbox under constraints of its own kind', { excluded: [other()] }, [mailbox('dörte@a.b')], BAD],
    ['the subject excluded, with a soft hyphen', { excluded: [directory('VERITAS\u00ad Frame\u200bwork')] }, [], BAD],
    ['the subject permitted, with a soft hyphen', { permitted: [directory('VERITAS\u00ad Framework')] }, [], BAD],
    ['the subject in its directory', { permitted: [directory('VERITAS Framework')] }, [], 'ok'],
    ['the subject in another', { permitted: [directory('Others')] }, [], BAD],
    ['the subject excluded, in capitals', { excluded: [directory('Veritas  FRAMEWORK')] }, [], BAD],
    ['a directory name beside it', { permitted: [directory('VERITAS Framework')] }, [directory('Others', 'x')], BAD],
  ])('%s', (_, subtrees, names, code) => {
    expect(check(subtrees, names)).toBe(code);
  });

  it('apply to the mail addresses of the subject when there is no other', () => {
    const subject = encodeName([[{ type: Oid.emailAddress, value: 'bob@example.org' }]]);
    const subtrees = { permitted: [email('example.com')] };
    expect(check(subtrees, [], { subject })).toBe(BAD);
    expect(check(subtrees, [email('bob@example.com')], { subject })).toBe('ok');
    const address = {
      type: Oid.emailAddress,
      tag: Tag.OCTET_STRING,
      value: undefined,
      der: write.octetString(Buffer.from('bob@example.com')),
    };
    expect(check(subtrees, [], { subject: encodeName([[address]]) })).toBe(BAD);
    expect(check({ excluded: subtrees.permitted }, [], { subject: encodeName([[address]]) })).toBe(BAD);
  });

  it('exclude a subject in whatever characters that do not count', () => {
    const excluded = [directory('Veritas Framework')];
    for (const organization of ['VERITAS\u0000 Framework', 'VERI\u00adTAS\u0085Framework', 'VERITAS Frame\ufe0fwork'])
      expect(check({ excluded }, [], { organization })).toBe(BAD);
    expect(check({ excluded }, [], { organization: 'VERITAS Frameworks' })).toBe('ok');
  });

  it('say which name it was, however long, in few words', () => {
    const ca = root.intermediate({ extensions: [constraints({ permitted: [uri('example.com')] })] });
    const { certificate } = ca.issue({ names: [uri(`urn:${'x'.repeat(50_000)}`)] });
    const result = validateCertificatePath({
      leaf: certificate,
      intermediates: [ca.certificate],
      anchors: [root.certificate],
      time: new Date(),
    });
    expect(result.ok || result.reason.message).toMatch(/^URI:urn:x{500,600}…$/);
  });

  it('apply at every CA: none below widens what one above narrowed', () => {
    const upper = root.intermediate({ commonName: 'Upper', extensions: [constraints({ permitted: [dns('a.com')] })] });
    const lower = upper.intermediate({
      commonName: 'Lower',
      extensions: [constraints({ permitted: [dns('a.com'), dns('b.com')] })],
    });
    expect(codeOf(lower.issue({ names: [dns('b.com')] }).certificate, [upper, lower])).toBe(BAD);
    expect(codeOf(lower.issue({ names: [dns('x.a.com')] }).certificate, [upper, lower])).toBe('ok');
  });

  it('of the anchor hold, and spare self-issued CAs but not self-issued leaves', () => {
    const anchor = TestCa.root({ extensions: [constraints({ permitted: [directory('Others')] })] });
    const rolled = anchor.intermediate({ commonName: 'Test Root CA' });
    const inside = rolled.issue({ organization: 'Others' });
    expect(codeOf(inside.certificate, [rolled], anchor)).toBe('ok');
    expect(codeOf(rolled.issue({ commonName: 'Test Root CA' }).certificate, [rolled], anchor)).toBe(BAD);
    const ca = anchor.intermediate();
    expect(codeOf(ca.issue({ organization: 'Others' }).certificate, [ca], anchor)).toBe(BAD);
  });
});

describe('subtrees, for any names', () => {
  it('refuse a base without a mask, and never know about a name that has one', () => {
    expect(() => new SubtreeIndex([ip('10.0.0.1')])).toThrow(MalformedSubtree);
    const index = new SubtreeIndex([network('10.0.0.0', '255.0.0.0')]);
    expect(index.holds(network('10.0.0.0', '255.0.0.0'))).toBe(false);
    expect(index.couldHold(network('10.0.0.0', '255.0.0.0'))).toBe(true);
  });

  it('hold a directory name that begins with the RDNs of the base', () => {
    const within = (name: GeneralName, base: GeneralName) => new SubtreeIndex([base]).holds(name);
    const [base, inside] = [directory('X'), directory('X', 'leaf')];
    expect([within(inside, base), within(base, base), within(base, inside)]).toEqual([true, true, false]);
    const all: GeneralName = { kind: 'directory', value: encodeName([]) };
    expect([within(directory('Y', 'leaf'), base), within(inside, all)]).toEqual([false, true]);
  });

  const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,6}[a-z0-9])?$/);
  const domain = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join('.'));

  it('cover exactly what has the base as its last labels', () => {
    fc.assert(
      fc.property(fc.array(domain, { minLength: 1, maxLength: 5 }), domain, fc.option(label), (bases, name, extra) => {
        const full = extra === null ? name : `${extra}.${name}`;
        const expected = bases.some((base) => full === base || full.endsWith(`.${base}`));
        expect(new SubtreeIndex(bases.map(dns)).holds(dns(full))).toBe(expected);
      }),
    );
  });

  it('exclude a wildcard exactly when some name it stands for is excluded', () => {
    fc.assert(
      fc.property(domain, domain, (base, name) => {
        const first = base.split('.')[0]!;
        const index = new SubtreeIndex([dns(base)]);
        // Of all names the wildcard stands for, the one with the base's own first label is the one that can be in it.
        const expected = index.holds(dns(`${first}.${name}`)) || index.holds(dns(`never-a-label.${name}`));
        expect(index.couldHold(dns(`*.${name}`))).toBe(expected);
      }),
    );
  });

  it('cover an address exactly when the masked bits are the same', () => {
    const address = fc.uint8Array({ minLength: 4, maxLength: 4 });
    fc.assert(
      fc.property(address, address, fc.integer({ min: 0, max: 32 }), (base, candidate, bits) => {
        const number = (octets: Uint8Array): number => Buffer.from(octets).readUInt32BE();
        const mask = bits === 0 ? 0 : (0xffffffff << (32 - bits)) >>> 0;
        const octets = Buffer.alloc(4);
        octets.writeUInt32BE(mask);
        const index = new SubtreeIndex([{ kind: 'ip', value: Buffer.concat([base, octets]) }]);
        expect(index.holds({ kind: 'ip', value: candidate })).toBe(((number(base) ^ number(candidate)) & mask) === 0);
      }),
    );
  });
});
