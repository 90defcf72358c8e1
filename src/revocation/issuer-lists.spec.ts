import { expect, test } from '@jest/globals';
import { randomInt } from 'node:crypto';
import fc from 'fast-check';
import { context, write } from '../der/index.js';
import { TestCa } from '../testing/index.js';
import {
  CrlReason,
  decodeCertificateList,
  encodeExtensionOf,
  indexCrl,
  Oid,
  validateCertificatePath,
  type Extension,
} from '../x509/index.js';
import { IssuerLists, isNeeded } from './issuer-lists.js';

const seed = Number(process.env.FC_SEED ?? randomInt(0x7fff_ffff));
const MINUTE = 60_000;
const POINT = 'http://a.test/1.crl';
const now = Math.floor(Date.now() / 1000) * 1000;
const root = TestCa.root();
const leaves = [
  root.issue({}).certificate,
  root.issue({ extensions: [encodeExtensionOf.crlDistributionPoints([POINT])] }).certificate,
];

const onlyContains = (field: number): Extension => ({
  oid: Oid.issuingDistributionPoint,
  critical: true,
  value: write.sequence(write.element(context(field), Uint8Array.of(0xff))),
});
const SCOPES = {
  all: [],
  users: [onlyContains(1)],
  authorities: [onlyContains(2)],
  point: [encodeExtensionOf.issuingDistributionPoint(POINT)],
} as const satisfies Record<string, readonly Extension[]>;

/** A list, complete or delta; `ended` before it is asked. A higher number is of a later time. */
const anyList = fc.record({
  scope: fc.constantFrom('all', 'users', 'authorities', 'point'),
  number: fc.integer({ min: 1, max: 3 }),
  base: fc.option(fc.integer({ min: 0, max: 3 })),
  ended: fc.boolean(),
  revoked: fc.uniqueArray(
    fc.record({ which: fc.nat(1), reason: fc.constantFrom('superseded', 'certificateHold', 'removeFromCRL') }),
    { selector: ({ which }) => which, maxLength: 2 },
  ),
});
type AnyList = typeof anyList extends fc.Arbitrary<infer List> ? List : never;

/** Deltas are numbered behind all complete ones. */
const numberOf = (number: number, base: number | null): number => (base === null ? number : number + 3);

function octetsOf({ scope, number, base, ended, revoked }: AnyList): Uint8Array {
  const entries = revoked.flatMap(({ which, reason }) =>
    base === null && reason === 'removeFromCRL' ? [] : [{ certificate: leaves[which]!, reason: CrlReason[reason] }],
  );
  return root.crl(entries, {
    thisUpdate: new Date(now - (20 - numberOf(number, base)) * MINUTE),
    nextUpdate: new Date(now + (ended ? MINUTE : 60 * MINUTE)),
    extensions: [
      encodeExtensionOf.crlNumber(BigInt(numberOf(number, base))),
      ...(base === null ? [] : [encodeExtensionOf.deltaCrlIndicator(BigInt(base))]),
      ...SCOPES[scope],
    ],
  });
}

const indexed = (crls: readonly Uint8Array[]) =>
  Promise.all(crls.map((crl) => indexCrl(crl, { issuers: [root.certificate], now: new Date(now), seed })));

/** A list that is sound and revokes nobody, but for `change`. */
const listOf = (change: Partial<AnyList>): Uint8Array =>
  octetsOf({ scope: 'all', number: 1, base: null, ended: false, revoked: [], ...change });

/** What lists say about the first leaf, so many minutes from now. */
async function answerTo(lists: readonly Partial<AnyList>[], minutes: number) {
  const guard = new IssuerLists(await indexed(lists.map(listOf)));
  return guard.statusOf(leaves[0]!, new Date(now + minutes * MINUTE));
}

test('of two complete lists the newer one counts', async () => {
  const revoked = [{ which: 0, reason: 'certificateHold' }] as const;
  for (const [older, newer, status] of [
    [revoked, [], 'good'],
    [[], revoked, 'revoked'],
  ] as const) {
    const lists = [
      { number: 1, revoked: [...older] },
      { number: 2, revoked: [...newer] },
    ];
    for (const order of [lists, lists.toReversed()]) expect(await answerTo(order, 30)).toMatchObject({ status });
  }
});

test('of two lists of one second the one with the higher number is newer, and of two times the later', async () => {
  const held = [{ certificate: leaves[0]!, reason: CrlReason.certificateHold }];
  const [then, later] = [new Date(now - MINUTE), new Date(now)];
  const sets = [
    [root.crl(held, { thisUpdate: then, number: 1n }), root.crl([], { thisUpdate: then, number: 2n })],
    [root.crl(held, { thisUpdate: then, number: 2n }), root.crl([], { thisUpdate: later, number: 1n })],
  ];
  for (const set of sets)
    for (const order of [set, set.toReversed()])
      expect(new IssuerLists(await indexed(order)).statusOf(leaves[0]!, later)).toMatchObject({ status: 'good' });
});

test('a delta that is past its end makes nothing good, until one of its scope is newer', async () => {
  const ended = { number: 1, base: 1, ended: true };
  const newer = { number: 2, base: 3 };
  expect(await answerTo([{}], 30)).toMatchObject({ status: 'good' });
  expect(await answerTo([{}, ended], 30)).toMatchObject({ status: 'unknown' });
  expect(await answerTo([{}, ended, { ...newer, scope: 'users' }], 30)).toMatchObject({ status: 'unknown' });
  expect(await answerTo([{}, ended, newer], 30)).toMatchObject({ status: 'good' });
});

test('a delta counts beside lists of other scopes, and not with a list that is newer', async () => {
  const by = (reason: keyof typeof CrlReason) => [{ which: 0, reason }] as AnyList['revoked'];
  const list = { number: 9 };
  const delta = { base: 1, revoked: by('superseded') };
  expect(await answerTo([list, { ...delta, scope: 'users' }], 30)).toMatchObject({ status: 'revoked' });
  expect(await answerTo([list, { ...delta, scope: 'authorities' }], 30)).toMatchObject({ status: 'good' });
  expect(await answerTo([list, delta], 30)).toMatchObject({ status: 'good' });
  const [held, released] = [by('certificateHold'), by('removeFromCRL')];
  expect(await answerTo([{ revoked: held }, { base: 1, revoked: released }], 30)).toMatchObject({ status: 'good' });
  const older = [
    { number: 9, revoked: held },
    { base: 1, revoked: released },
  ];
  expect(await answerTo(older, 30)).toMatchObject({ status: 'revoked' });
});

test('a delta is needed while it is the newest for a complete list', async () => {
  const changes = [{}, { base: 1 }, { number: 2, base: 1 }, { number: 3, base: 3 }, { number: 3, base: 2 }];
  const [list, older, newer, later, late] = await indexed(changes.map(listOf));
  const needed = (...lists: readonly (typeof list)[]): readonly boolean[] =>
    lists.map((each) =>
      isNeeded(
        each!,
        lists.map((one) => one!),
      ),
    );
  expect(needed(list, older)).toEqual([false, true]);
  expect(needed(list, older, newer)).toEqual([false, false, true]);
  // Those that begin later are for a complete list that is not there yet.
  expect(needed(list, older, later)).toEqual([false, true, false]);
  expect(needed(list, late)).toEqual([false, false]);
  expect(needed(older, newer)).toEqual([false, false]);
});

test('good is good until the list, or its delta, ends', async () => {
  const end = (minutes: number): Date => new Date(now + minutes * MINUTE);
  expect(await answerTo([{}], 0)).toMatchObject({ status: 'good', until: end(60) });
  const ended = { number: 1, base: 1, ended: true };
  expect(await answerTo([{}, ended], 0)).toMatchObject({ status: 'good', until: end(1) });
  expect(await answerTo([{ ended: true }, { ...ended, ended: false }], 0)).toMatchObject({ until: end(1) });
  expect(await answerTo([{}, ended, { number: 2, base: 3 }], 30)).toMatchObject({ until: end(60) });
});

test(`the guard calls nothing good, and passes over no revocation, that RFC 5280 §6.3 does not, with seed ${seed}`, async () => {
  const time = new Date(now + 30 * MINUTE);
  const agreed = new Set<string>();
  const anyLists = fc.uniqueArray(anyList, {
    // Of one scope a complete list and a delta, the last of each.
    selector: ({ scope, base }) => `${scope} ${base === null}`,
    minLength: 1,
    maxLength: 4,
  });
  await fc.assert(
    fc.asyncProperty(anyLists, async (lists) => {
      const crls = lists.map(octetsOf);
      const guard = new IssuerLists(await indexed(crls));
      for (const leaf of leaves) {
        const { status } = guard.statusOf(leaf, time);
        const anchors = [root.certificate];
        const input = { leaf, anchors, crls: crls.map(decodeCertificateList), time, revocationRequired: true };
        const verdict = validateCertificatePath(input);
        const path = verdict.ok ? 'good' : verdict.reason.code;
        if (status === 'good') expect(path).toBe('good');
        if (path === 'revoked') expect(status).toBe('revoked');
        agreed.add(`${status} ${path}`);
      }
    }),
    { seed, numRuns: 300 },
  );
  expect([...agreed]).toEqual(expect.arrayContaining(['good good', 'revoked revoked', 'unknown revocation_unknown']));
});
