import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describeOnEachStore } from '../../../test/support/postgres.js';
import {
  openTemporaryAuthority,
  somebody,
  type TemporaryAuthority,
} from '../../../test/support/temporary-authority.js';
import { insertCrl, takeCrlNumber, type Store } from '../../store/index.js';
import { TestCa } from '../../testing/index.js';
import { encodeExtensionOf, encodeSigned, encodeTbsCertList, signingSchemeFor, signOctets } from '../../x509/index.js';
import { checkStoreIsCurrent } from './store-age.js';

/** The same store, which counts how often it is asked. */
function counting(store: Store): { readonly store: Store; readonly asked: () => number } {
  let asked = 0;
  const database = new Proxy(store.database, {
    get: (target, key) => {
      if (key === 'selectFrom') asked++;
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
  return {
    store: new Proxy(store, {
      get: (target, key) => (key === 'database' ? database : (Reflect.get(target, key, target) as unknown)),
    }),
    asked: () => asked,
  };
}

/** A complete list without entries. */
function listOf(ca: TestCa, number: number): Uint8Array {
  const { algorithm } = signingSchemeFor(ca.key);
  const tbs = encodeTbsCertList({
    signatureAlgorithm: algorithm,
    issuer: ca.certificate.subject,
    thisUpdate: new Date(0),
    nextUpdate: new Date(1000),
    revokedCertificates: [],
    extensions: [encodeExtensionOf.crlNumber(BigInt(number))],
  });
  return encodeSigned(tbs, algorithm, signOctets(tbs, ca.key).signature);
}

describeOnEachStore('the age of a store', (_, newPlace) => {
  let temporary: TemporaryAuthority;
  beforeEach(async () => {
    temporary = await openTemporaryAuthority({ newPlace });
  });
  afterEach(() => temporary.close());

  it('is asked for once, however many shards there are', async () => {
    const { authority, folder } = temporary;
    await authority.crls.publishIfDue(somebody);
    const lists = join(folder, 'var/crl');
    mkdirSync(join(lists, 'issuing'), { recursive: true });
    for (let shard = 0; shard < 1024; shard++)
      copyFileSync(join(lists, 'issuing.crl'), join(lists, 'issuing', `${shard}.crl`));
    const { store, asked } = counting(authority.store);
    const issuing = authority.ca.authorities.find(({ id }) => id === 'issuing');
    if (!issuing) throw new Error('there is no issuing CA');
    await checkStoreIsCurrent(store, issuing, lists);
    expect(asked()).toBeLessThan(10);
  });

  it.each(['issuing.crl', 'issuing/delta.crl', 'issuing/3.crl'])(
    'is known by %s, whose number was not given out, if the CA signed it',
    async (name) => {
      const { folder, authority } = temporary;
      const path = join(folder, 'lists', name);
      mkdirSync(dirname(path), { recursive: true });
      const ca = TestCa.root();
      const check = () =>
        checkStoreIsCurrent(authority.store, { id: 'issuing', certificate: ca.certificate }, join(folder, 'lists'));
      const older = {
        code: 'authority_mismatch',
        message: expect.stringContaining(`the list 2 of issuing in ${path}`),
      };
      await authority.store.transaction((transaction) => takeCrlNumber(transaction, 'issuing'));
      for (const [number, signer] of [
        [1, ca],
        [2, TestCa.root({ subject: ca.certificate.subject })],
        [2, TestCa.root({ commonName: 'Other Root' })],
      ] as const) {
        writeFileSync(path, listOf(signer, number));
        await check();
      }
      writeFileSync(path, listOf(ca, 2));
      await expect(check()).rejects.toMatchObject(older);
      // As while a list is in the making.
      await authority.store.transaction((transaction) => takeCrlNumber(transaction, 'issuing'));
      await check();
    },
  );

  it('knows the number of a list that was signed elsewhere, and took none here', async () => {
    const { folder, authority } = temporary;
    const ca = TestCa.root();
    const der = listOf(ca, 5);
    const root = { id: 'root', certificate: ca.certificate };
    writeFileSync(join(folder, 'root.crl'), der);
    await expect(checkStoreIsCurrent(authority.store, root, folder)).rejects.toMatchObject({
      code: 'authority_mismatch',
    });
    const { id: issuer } = root;
    const row = { issuer, scope: 'complete', number: 5, base_number: null, revocation_sequence: 0, sha256: null, der };
    const times = { this_update: 0, next_update: 1, octets: der.length };
    await authority.store.transaction((transaction) => insertCrl(transaction, { ...row, ...times }));
    await checkStoreIsCurrent(authority.store, root, folder);
  });
});
