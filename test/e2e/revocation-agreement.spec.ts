import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { randomBytes, randomInt } from 'node:crypto';
import fc from 'fast-check';
import { IssuerLists } from '../../src/revocation/issuer-lists.js';
import { readPublished } from '../../src/pki/index.js';
import {
  certIdOf,
  CrlReason,
  decodeOcspResponse,
  encodeOcspRequest,
  indexCrl,
  verifyOcspResponse,
  type Certificate,
  type CrlIndex,
} from '../../src/x509/index.js';
import { anyStep, RevocationSequence, SHARDS } from '../support/revocation-sequence.js';
import { somebody } from '../support/temporary-authority.js';

const FIVE_HOURS = 18_000;
const seed = Number(process.env.FC_SEED ?? randomInt(0x7fff_ffff));
// Of `npm run test:interop` there are 200.
const runs = Number(process.env.FC_RUNS ?? 20);
const reasons = new Map<number, string>(Object.entries(CrlReason).map(([name, value]) => [value, name]));

let sequence: RevocationSequence;
beforeAll(async () => {
  // Whoever asked before gets what was kept, if it still is so.
  sequence = await RevocationSequence.open(new Date(), async (_, certificate) => {
    await ocsp(certificate, undefined);
  });
});
afterAll(() => sequence.close());

async function served(scope: string): Promise<CrlIndex> {
  const { crls, ca } = sequence.temporary.authority;
  const crl = crls.current('issuing', scope);
  if (!crl) throw new Error(`there is no list ${scope}`);
  return indexCrl(await readPublished(crl), { issuers: [ca.issuing.certificate], now: sequence.now, seed });
}

const saidBy = (lists: readonly CrlIndex[], certificate: Certificate): string => {
  const answer = new IssuerLists(lists).statusOf(certificate, sequence.now);
  return answer.status === 'revoked' ? answer.reason : answer.status;
};

/** What the responder says, believed; `hits` counts the answers that were there at once. */
let hits = 0;
async function ocsp({ serialNumber }: Certificate, nonce: Uint8Array | undefined): Promise<string> {
  const { ca, ocsp: responder } = sequence.temporary.authority;
  const issuer = ca.issuing.certificate;
  const answer = responder!.answer(encodeOcspRequest([certIdOf(issuer, serialNumber)], nonce));
  if (!(answer instanceof Promise)) hits++;
  const response = decodeOcspResponse((await answer).der);
  const verdict = verifyOcspResponse(response, { issuer, serialNumber, time: sequence.now, nonce });
  if (!verdict.ok) return verdict.why;
  const { certStatus } = verdict;
  return certStatus.status === 'revoked' ? (reasons.get(certStatus.reason ?? 0) ?? '') : certStatus.status;
}

let kept = 0;
/** The last complete lists, which somebody may keep until their end. */
const earlier: CrlIndex[] = [];

/** Asks everybody about every certificate that has not ended. */
async function checkAgreement(): Promise<void> {
  const { crls, registry, ca } = sequence.temporary.authority;
  await crls.publishIfDue(somebody);
  const [base, delta] = [await served('complete'), await served('delta')];
  const shards = await Promise.all(Array.from({ length: SHARDS }, (_, i) => served(String(i + 1))));
  await crls.sign('issuing', somebody);
  const full = await served('complete');
  sequence.forgetExpired();
  earlier.splice(3);
  const current = earlier.filter(({ list }) => list.nextUpdate! > sequence.now);
  kept += current.length;
  for (const [certificate, reason] of sequence.expected) {
    const guard = registry.statusOf(ca.issuing.certificate, certificate.serialNumber);
    const is = reason ?? 'good';
    expect({
      guard: guard.status === 'revoked' ? guard.reason : guard.status,
      full: saidBy([full], certificate),
      delta: saidBy([base, delta], certificate),
      shard: RevocationSequence.isSharded(certificate) ? saidBy(shards, certificate) : is,
      deltaOfEarlier: new Set([is, ...current.map((each) => saidBy([each, delta], certificate))]).size,
      everything: saidBy([delta, ...shards, full, base], certificate),
      live: await ocsp(certificate, randomBytes(32)),
      kept: await ocsp(certificate, undefined),
      keptAgain: await ocsp(certificate, undefined),
    }).toEqual({
      ...{ guard: is, full: is, delta: is, shard: is, deltaOfEarlier: 1, everything: is },
      ...{ live: is, kept: is, keptAgain: is },
    });
  }
  earlier.unshift(full, base);
  expect(full.list.extensions.crlNumber! > base.list.extensions.crlNumber!).toBe(true);
}

test(`full, base and delta, shard, OCSP live and kept, and guard agree, after ${runs} random sequences with seed ${seed}`, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyStep(FIVE_HOURS), { minLength: 2, maxLength: 8 }), async (steps) => {
      for (const step of steps) await sequence.run(step);
      await checkAgreement();
    }),
    // The store remembers: a smaller sequence would not be the same.
    { seed, numRuns: runs, endOnFailure: true },
  );
  expect(hits).toBeGreaterThan(runs);
  expect(kept).toBeGreaterThan(runs);
}, 240_000);
