import { expect, test } from '@jest/globals';
import { context } from '../../der/index.js';
import { generateTestKeyPair, TestCa } from '../../testing/index.js';
import type { IssuerRow } from '../../store/index.js';
import { encodeExtensionOf, encodePem, Oid, type Extension } from '../../x509/index.js';
import { provenLists, type PublishedList } from './published-crl.js';

const keyPair = generateTestKeyPair();
const ca = TestCa.root({ commonName: 'ours', keyPair });
const renamed = TestCa.root({ commonName: 'ours under another name', keyPair });
const namesake = TestCa.root({ commonName: 'ours' });
const rowOf = (id: string, { certificate: { der } }: TestCa): IssuerRow => ({
  ...{ id, der, role: 'issuing', parent: 'root', state: 'active', key_place: 'here', created_at: 0 },
});
const issuers = [rowOf('renamed', renamed), rowOf('issuing', ca)];

const number = encodeExtensionOf.crlNumber;
const base = encodeExtensionOf.deltaCrlIndicator;
const place = (name: string): Extension => encodeExtensionOf.issuingDistributionPoint(`http://crl.example/${name}`);
const from = (source: string, octets: Uint8Array): PublishedList => ({ source, octets });
const listOf = (source: string, ...extensions: Extension[]): PublishedList => from(source, ca.crl([], { extensions }));
const proven = (...lists: PublishedList[]) => provenLists(lists, issuers);

/** issuingDistributionPoint with one field, of this tag and contents. */
const limitedBy = (field: number, ...contents: number[]): Extension => {
  const octets = [context(field), contents.length, ...contents];
  return { oid: Oid.issuingDistributionPoint, critical: true, value: Uint8Array.of(0x30, octets.length, ...octets) };
};

test('the lists of an issuer are the highest complete one, in DER or PEM, and the partial ones by their numbers', () => {
  const lists = proven(
    listOf('delta', number(7n), base(5n)),
    listOf('old', number(4n)),
    listOf('complete', number(5n)),
    listOf('shard', number(6n), place('1')),
    from('pem', Buffer.from(encodePem('X509 CRL', ca.crl([], { extensions: [number(3n)] })))),
  ).get('issuing');
  expect(lists).toMatchObject({ number: 7, complete: { source: 'complete', number: 5, found: false } });
  expect(lists?.partial.map(({ source }) => source)).toEqual(['shard', 'delta']);
  expect(proven(listOf('shard', number(6n), place('1')))).toEqual(new Map());
});

const limited = 'it is limited to some kinds of certificates or some reasons';
const unnumbered = 'the list has no number, or one beyond 2^53';
test.each<[string, PublishedList]>([
  ['no CA of the backup signed it', from('list', TestCa.root().crl())],
  ['no CA of the backup signed it', from('list', namesake.crl())],
  ['it is not strict DER', from('list', Buffer.concat([ca.crl(), Buffer.of(0)]))],
  [limited, listOf('list', number(1n), limitedBy(1, 0xff))],
  [limited, listOf('list', number(1n), limitedBy(2, 0xff))],
  [limited, listOf('list', number(1n), limitedBy(3, 6, 0x40))],
  [limited, listOf('list', number(1n), limitedBy(4, 0xff))],
  [limited, listOf('list', number(1n), limitedBy(5, 0xff))],
  [limited, listOf('list', number(2n), base(1n), limitedBy(1, 0xff))],
  [
    'the list has a critical extension, 1.2.3',
    listOf('list', number(1n), { oid: '1.2.3', critical: true, value: Uint8Array.of(5, 0) }),
  ],
  [
    'the list has a critical extension, 1.2.3',
    listOf('list', number(1n), place('1'), { oid: '1.2.3', critical: true, value: Uint8Array.of(5, 0) }),
  ],
  [unnumbered, from('list', ca.crl([], { extensions: [] }))],
  [unnumbered, listOf('list', place('1'))],
  [unnumbered, listOf('list', number(2n ** 53n))],
  [unnumbered, listOf('list', number(2n ** 53n), base(1n))],
])('%s: it cannot be compared with', (why, list) => {
  expect(() => proven(list)).toThrow(
    expect.objectContaining({
      code: 'published_crl_not_accepted',
      message: expect.stringContaining(`the revocation list list cannot be compared with: ${why}`),
    }),
  );
});

test('a list is of the CA whose name it has, and of no other one with the same key', () => {
  expect([...proven(listOf('list', number(1n))).keys()]).toEqual(['issuing']);
});
