import { expect, test } from '@jest/globals';
import { isAbsoluteUri, isHttpUri } from './absolute-uri.js';

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
