import { expect, test } from '@jest/globals';
import { comparableUri, isAbsoluteUri, isHttpUri } from './absolute-uri.js';

test.each([
  'http://ca.example.com/crl/issuing.crl',
  'http://localhost:5080/ca.cer',
  'http://10.1.2.3',
  'http://[2001:db8::1]:80/a',
  'spiffe://example.org/ns/orders',
  'ldap://ca.example.com/cn=CA?certificateRevocationList;binary',
  'urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6',
  'https://user@example.com/%2F',
])('%s is absolute', (uri) => {
  expect(isAbsoluteUri(uri)).toBe(true);
});

test.each([
  '',
  '/relative',
  'example.com',
  'http:',
  'http://',
  'http:///path',
  'http://:80',
  'http://a..b/',
  'http://a.example.',
  'http://1.2.3/',
  'http://10.1.2.256/',
  'http://[10.1.2.3]/',
  'http://[::1/',
  'http://example.com/a b',
  'http://example.com/%zz',
  'http://münchen.example',
  `http://example.com/${'a'.repeat(2048)}`,
])('%s is not', (uri) => {
  expect(isAbsoluteUri(uri)).toBe(false);
});

test('http is not https', () => {
  expect(['http://a.example', 'HTTP://a.example', 'https://a.example', 'ftp://a.example'].map(isHttpUri)).toEqual([
    true,
    true,
    false,
    false,
  ]);
});

test.each([
  ['HTTP://CA.Example.com/a.crl', 'http://ca.example.com/a.crl'],
  ['http://ca.example.com:80/a.crl', 'http://ca.example.com/a.crl'],
  ['https://ca.example.com:443/', 'https://ca.example.com:/'],
  ['ftp://ca.example.com:21/a', 'ftp://ca.example.com/a'],
  ['ldap://CA.example.com:389/cn=CA?x;binary', 'ldap://ca.example.com/cn=CA?x;binary'],
  ['http://ca.example.com', 'http://ca.example.com/'],
  ['http://ca.example.com?a', 'http://ca.example.com/?a'],
  ['http://ca.example.com/%7ea/%2f', 'http://ca.example.com/~a/%2F'],
  ['http://ca.example.com/a/./b/../c.crl', 'http://ca.example.com/a/c.crl'],
  ['http://ca.example.com/../a', 'http://ca.example.com/a'],
  ['http://ca.example.com/a/..', 'http://ca.example.com/'],
  ['http://ca.example.com/%2e%2E/a', 'http://ca.example.com/a'],
  ['http://[2001:DB8::1]:80/', 'http://[2001:db8::1]/'],
  ['URN:uuid:a', 'urn:uuid:a'],
])('%s and %s are the same', (one, other) => {
  expect(comparableUri(one)).toBe(comparableUri(other));
});

test.each([
  ['http://ca.example.com/a.crl', 'http://ca.example.com/A.crl'],
  ['http://ca.example.com/a', 'https://ca.example.com/a'],
  ['http://ca.example.com/a', 'http://ca.example.com:443/a'],
  ['http://ca.example.com/a', 'http://ca.example.com/a/'],
  ['http://ca.example.com/a', 'http://ca.example.com//a'],
  ['http://ca.example.com/a%2fb', 'http://ca.example.com/a/b'],
  ['http://ca.example.com/a?b', 'http://ca.example.com/a?B'],
  ['http://ca.example.com/a?b/../c', 'http://ca.example.com/a?c'],
  ['http://ca.example.com/a', 'http://ca.example.com/a#'],
  ['http://User@ca.example.com/', 'http://user@ca.example.com/'],
  ['ldaps://ca.example.com:389/', 'ldaps://ca.example.com/'],
  ['http://ca.example.com\\a', 'http://ca.example.com/a'],
  ['urn:uuid:a', 'urn:UUID:a'],
  ['urn:a/../b', 'urn:b'],
  ['A', 'a'],
])('%s and %s are not', (one, other) => {
  expect(comparableUri(one)).not.toBe(comparableUri(other));
});
