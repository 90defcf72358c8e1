import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { write } from '../../der/index.js';
import { TestCa } from '../../testing/index.js';
import { ipFromString, Oid, type GeneralName } from '../index.js';
import { dnsName, mailbox, uriHost } from './dns-name.js';
import { matchesDns, peerNameDefect, type PeerName } from './peer-names.js';

const root = TestCa.root();

function accepts(name: PeerName, names: readonly GeneralName[]): boolean {
  return peerNameDefect(root.issue({ names }).certificate, [name]) === undefined;
}

describe('peer names', () => {
  const ip = (text: string): GeneralName => ({ kind: 'ip', value: ipFromString(text)! });

  const mailbox = (text: string): GeneralName => ({
    kind: 'other',
    type: Oid.smtpUtf8Mailbox,
    value: write.utf8String(text),
  });

  it.each<[PeerName, GeneralName, boolean]>([
    ['a.example.com', { kind: 'dns', value: 'A.example.COM' }, true],
    ['a.example.com.', { kind: 'dns', value: 'a.example.com' }, true],
    ['bücher.example', { kind: 'dns', value: 'xn--bcher-kva.example' }, true],
    ['a.example.com', { kind: 'uri', value: 'https://a.example.com' }, false],
    ['a.example.com', { kind: 'email', value: 'a.example.com' }, false],
    ['10.0.0.1', ip('10.0.0.1'), true],
    ['10.0.0.1', { kind: 'dns', value: '10.0.0.1' }, false],
    ['::1', ip('0:0:0:0:0:0:0:1'), true],
    ['::1', ip('::2'), false],
    ['::ffff:10.0.0.1', ip('::ffff:a00:1'), true],
    [{ kind: 'dns', value: '10.0.0.1' }, { kind: 'dns', value: '10.0.0.1' }, false],
    ['010.0.0.1', { kind: 'dns', value: '010.0.0.1' }, false],
    ['127.1', { kind: 'dns', value: '*.0.1' }, false],
    [{ kind: 'ip', value: 'a.example.com' }, ip('::2'), false],
    [{ kind: 'dns', value: '' }, { kind: 'dns', value: '' }, false],
    [{ kind: 'dns', value: '.example.com' }, { kind: 'dns', value: '.example.com' }, false],
    [{ kind: 'dns', value: '*.example.com' }, { kind: 'dns', value: '*.example.com' }, false],
    ['bob@example.com', { kind: 'email', value: 'bob@example.com' }, true],
    ['bob@example.com', { kind: 'dns', value: 'example.com' }, false],
    [{ kind: 'dns', value: 'bob@example.com' }, { kind: 'email', value: 'bob@example.com' }, false],
    [{ kind: 'email', value: 'bob@Example.com' }, { kind: 'email', value: 'bob@example.com' }, true],
    [{ kind: 'email', value: 'Bob@example.com' }, { kind: 'email', value: 'bob@example.com' }, false],
    [{ kind: 'email', value: 'bob@bücher.example' }, { kind: 'email', value: 'bob@xn--bcher-kva.example' }, true],
    [{ kind: 'email', value: 'dörte@Bücher.example' }, mailbox('dörte@xn--bcher-kva.example'), true],
    [{ kind: 'email', value: 'Dörte@example.com' }, mailbox('dörte@example.com'), false],
    [{ kind: 'email', value: 'bob@example.com' }, mailbox('bob@example.com'), false],
    [{ kind: 'email', value: 'nobody' }, { kind: 'email', value: 'nobody' }, false],
  ])('%j against %j: %s', (name, presented, expected) => {
    expect(accepts(name, [{ kind: 'dns', value: 'other.example' }, presented])).toBe(expected);
  });

  it('ask for nothing when there are none, and for a SAN when there are', () => {
    const { certificate } = root.issue();
    expect(peerNameDefect(certificate, [])).toBeUndefined();
    expect(peerNameDefect(certificate, ['veritas-client'])).toMatchObject({ code: 'name_mismatch' });
  });
});

describe('wildcards', () => {
  it.each([
    ['*.example.com', 'a.example.com', true],
    ['*.example.com', 'example.com', false],
    ['*.example.com', 'b.a.example.com', false],
    ['*.com', 'example.com', false],
    ['*', 'localhost', false],
    ['a*.example.com', 'ab.example.com', false],
    ['xn--*.example.com', 'xn--a.example.com', false],
    ['a.*.com', 'a.b.com', false],
    ['*.*.com', 'a.b.com', false],
    ['example.com\0.evil.org', 'example.com', false],
  ])('%s stands for %s: %s', (presented, name, expected) => {
    expect(matchesDns(name, presented)).toBe(expected);
  });

  it('stand for one label and nothing else, whatever the names', () => {
    const label = fc.stringMatching(/^[a-z0-9]{1,8}$/);
    fc.assert(
      fc.property(
        fc.array(label, { minLength: 2, maxLength: 5 }),
        fc.array(label, { minLength: 1, maxLength: 5 }),
        (base, name) => {
          const expected = name.length === base.length + 1 && name.slice(1).join('.') === base.join('.');
          expect(matchesDns(name.join('.'), `*.${base.join('.')}`)).toBe(expected);
          expect(matchesDns(`x.${base.join('.')}`, `*.${base.join('.')}`)).toBe(true);
        },
      ),
    );
  });
});

describe('forms', () => {
  it('of DNS names', () => {
    expect(['a', 'a_b.c', 'A-1.b'].map(dnsName)).toEqual(['a', 'a_b.c', 'a-1.b']);
    for (const bad of ['', '.', 'a.', '.a', 'a..b', '-a', 'a-', 'a b', 'ä', 'a'.repeat(64), 'a.'.repeat(127) + 'aa'])
      expect(dnsName(bad)).toBeUndefined();
  });

  it('of mailboxes and URIs', () => {
    expect(mailbox('a.b+c@X.org')).toEqual({ local: 'a.b+c', domain: 'x.org' });
    for (const bad of ['a', '@x.org', 'a@', '"a b"@x.org', 'a@b@x.org', 'a b@x.org'])
      expect(mailbox(bad)).toBeUndefined();
    expect(uriHost('ldap://user:pw@H.org:389/cn=x?y#z')).toBe('h.org');
    for (const bad of ['mailto:a@b.org', 'http://', 'http:///x', 'http://10.0.0.1', 'http://[::1]/', '//x.org'])
      expect(uriHost(bad)).toBeUndefined();
  });
});
