import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { randomInt } from 'node:crypto';
import fc from 'fast-check';
import { indexCrl, type CrlIndex } from '../../src/mtls/revocation/crl-index.js';
import { IssuerLists } from '../../src/mtls/revocation/issuer-lists.js';
import { readPublished } from '../../src/pki/index.js';
import type { Certificate } from '../../src/x509/index.js';
import { certificationRequest } from '../support/certification-request.js';
import { openTemporaryAuthority, somebody, type TemporaryAuthority } from '../support/temporary-authority.js';

const MINUTE = 60_000;
const SHARDS = 2;
const seed = Number(process.env.FC_SEED ?? randomInt(0x7fff_ffff));

let temporary: TemporaryAuthority;
let clock = new Date();
beforeAll(async () => {
  temporary = await openTemporaryAuthority({ now: () => clock });
  const { settings } = temporary;
  // The same CA from here on with deltas and shards.
  const authority = await temporary.reopen({ settings: { ...settings, crlDeltaLifetime: 3600, crlShards: SHARDS } });
  temporary = { ...temporary, authority };
});
afterAll(() => temporary.close());

type Step =
  | { readonly kind: 'issue'; readonly sharded: boolean }
  | { readonly kind: 'revoke' | 'hold' | 'release'; readonly which: number }
  | { readonly kind: 'wait'; readonly minutes: number }
  | { readonly kind: 'publish' };

const which = fc.nat(7);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('issue' as const), sharded: fc.boolean() }),
  fc.record({ kind: fc.constantFrom('revoke' as const, 'hold' as const, 'release' as const), which }),
  fc.record({ kind: fc.constantFrom('hold' as const, 'release' as const), which }),
  fc.record({ kind: fc.constant('wait' as const), minutes: fc.integer({ min: 1, max: 300 }) }),
  fc.constant({ kind: 'publish' as const }),
);

/** What became of a certificate: undefined while it is good. */
const expected = new Map<Certificate, string | undefined>();

async function run(one: Step): Promise<void> {
  const { ca, crls } = temporary.authority;
  const all = [...expected.keys()];
  switch (one.kind) {
    case 'issue': {
      // The CA as it was before there were shards.
      const by = one.sharded ? ca : (await plain()).ca;
      const issued = await by.issue({ request: certificationRequest(), requester: somebody });
      expected.set(issued.certificate, undefined);
      return;
    }
    case 'wait':
      clock = new Date(clock.getTime() + one.minutes * MINUTE);
      return;
    case 'publish':
      await crls.publishIfDue(somebody);
      return;
    default: {
      const certificate = all.at(-1 - (one.which % Math.max(1, all.length)));
      if (!certificate) return;
      const { serialNumber } = certificate;
      const before = expected.get(certificate);
      if (one.kind === 'release') {
        const release = ca.release({ serialNumber, requester: somebody });
        if (before === 'keyCompromise') await expect(release).rejects.toMatchObject({ code: 'revocation_final' });
        else await release;
        if (before !== 'keyCompromise') expected.set(certificate, undefined);
        return;
      }
      const reason = one.kind === 'hold' ? 'certificateHold' : 'keyCompromise';
      await ca.revoke({ serialNumber, reason, requester: somebody });
      if (before !== 'keyCompromise')
        expected.set(certificate, before !== undefined && one.kind === 'hold' ? before : reason);
    }
  }
}

let withoutShards: Promise<TemporaryAuthority['authority']> | undefined;
const plain = () =>
  (withoutShards ??= temporary.reopen({ settings: { ...temporary.settings, crlDeltaLifetime: 3600 } }));

async function served(scope: string): Promise<CrlIndex> {
  const { crls, ca } = temporary.authority;
  const crl = crls.current('issuing', scope);
  if (!crl) throw new Error(`there is no list ${scope}`);
  return indexCrl(await readPublished(crl), [ca.issuing.certificate], clock);
}

const revokedBy = (lists: readonly CrlIndex[], certificate: Certificate): string => {
  const answer = new IssuerLists(lists).statusOf(certificate, clock);
  return answer.status === 'revoked' ? answer.reason : answer.status;
};

/** Asks everybody about every certificate that has not ended. */
async function checkAgreement(): Promise<void> {
  const { crls, registry, ca } = temporary.authority;
  await crls.publishIfDue(somebody);
  const [base, delta] = [await served('complete'), await served('delta')];
  const shards = await Promise.all(Array.from({ length: SHARDS }, (_, i) => served(String(i + 1))));
  await crls.sign('issuing', somebody);
  const full = await served('complete');
  for (const [certificate, reason] of expected) {
    if (certificate.notAfter < clock) {
      expected.delete(certificate);
      continue;
    }
    const guard = registry.statusOf(ca.issuing.certificate, certificate.serialNumber);
    const inShard = certificate.extensions.freshestCrl === undefined && nameOf(certificate).includes('/issuing/');
    expect({
      guard: guard.status === 'revoked' ? guard.reason : guard.status,
      full: revokedBy([full], certificate),
      delta: revokedBy([base, delta], certificate),
      shard: inShard ? revokedBy(shards, certificate) : (reason ?? 'good'),
      everything: revokedBy([delta, ...shards, full, base], certificate),
    }).toEqual({
      guard: reason ?? 'good',
      full: reason ?? 'good',
      delta: reason ?? 'good',
      shard: reason ?? 'good',
      everything: reason ?? 'good',
    });
  }
  expect(full.list.extensions.crlNumber! > base.list.extensions.crlNumber!).toBe(true);
}

const nameOf = ({ extensions }: Certificate): string => {
  const [point] = extensions.crlDistributionPoints ?? [];
  const name = point?.distributionPoint;
  const first = name && 'fullName' in name ? name.fullName[0] : undefined;
  return first?.kind === 'uri' ? first.value : '';
};

test(`full, base and delta, shard and guard agree, after 200 random sequences with seed ${seed}`, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 2, maxLength: 8 }), async (steps) => {
      for (const one of steps) await run(one);
      await checkAgreement();
    }),
    // The store remembers: a smaller sequence would not be the same.
    { seed, numRuns: 200, endOnFailure: true },
  );
}, 120_000);
