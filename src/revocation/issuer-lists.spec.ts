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
import { IssuerLists } from './issuer-lists.js';

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
      const options = { issuers: [root.certificate], now: new Date(now), seed };
      const guard = new IssuerLists(await Promise.all(crls.map((crl) => indexCrl(crl, options))));
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
