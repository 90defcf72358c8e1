import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { certificationRequest } from '../../test/support/certification-request.js';
import { openTemporaryAuthority, somebody, type TemporaryAuthority } from '../../test/support/temporary-authority.js';
import type { CertificationAuthority } from '../pki/index.js';
import { TestCa } from '../testing/index.js';
import { crlPart, issuingCaPart, ocspPart, serverCertificatePart } from './revocation-health.js';
import { certIdOf, encodeOcspRequest } from '../x509/index.js';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

let clock: Date;
let temporary: TemporaryAuthority;
let authority: CertificationAuthority;
const now = () => clock;
const forward = (milliseconds: number): void => {
  clock = new Date(clock.getTime() + milliseconds);
};
beforeEach(async () => {
  clock = new Date();
  temporary = await openTemporaryAuthority({ now });
  authority = await temporary.reopen({
    settings: { ...temporary.settings, crlDeltaLifetime: 3600, crlShards: 2, ocsp: true },
  });
});
afterEach(() => temporary.close());

it('the issuing CA: a warning before its end, down after it, and once it is revoked', async () => {
  const { ca, registry } = authority;
  const part = issuingCaPart(ca, registry, { warningDays: 90, clock: now });
  expect(await part.check()).toEqual({ state: 'up', detail: expect.stringMatching(/^182[45] days left$/) });
  await ca.revoke({ serialNumber: ca.issuing.certificate.serialNumber, reason: 'cACompromise', requester: somebody });
  expect(await part.check()).toEqual({ state: 'down', detail: 'revoked' });
  const other = await openTemporaryAuthority({ now });
  const ends = issuingCaPart(other.authority.ca, other.authority.registry, { warningDays: 90, clock: now });
  forward(1800 * DAY + HOUR);
  expect(await ends.check()).toEqual({ state: 'warning', detail: '24 days left' });
  forward(25 * DAY);
  expect(await ends.check()).toEqual({ state: 'down', detail: 'expired' });
  await other.close();
});

it('the certificate of the listener: a warning once it is revoked, which only some clients ask', async () => {
  const { ca, registry } = authority;
  const { certificate } = await ca.issue({ request: certificationRequest(), requester: somebody });
  const part = serverCertificatePart(() => certificate, ca, registry, now);
  const other = TestCa.root().issue({ notAfter: new Date(clock.getTime() + 5 * DAY) });
  const foreign = serverCertificatePart(() => other.certificate, ca, registry, now);
  forward(HOUR);
  expect(await part.check()).toMatchObject({ state: 'warning', detail: '0 days left' });
  expect(part.name).toBe('server_certificate');
  await ca.revoke({ serialNumber: certificate.serialNumber, reason: 'superseded', requester: somebody });
  expect(await part.check()).toEqual({ state: 'warning', detail: 'revoked' });
  expect(await foreign.check()).toEqual({ state: 'up', detail: '4 days left' });
  forward(2 * DAY);
  expect(await part.check()).toEqual({ state: 'down', detail: 'expired' });
});

it('lists: down without a complete one or a shard, a warning without a delta', async () => {
  const { ca, crls } = authority;
  const part = crlPart(ca, crls, now);
  expect(await part.check()).toEqual({ state: 'down', detail: 'no current CRL of root, issuing' });
  await crls.publishIfDue(somebody);
  expect(await part.check()).toEqual({ state: 'up' });
  forward(2 * HOUR);
  expect(await part.check()).toEqual({ state: 'warning', detail: 'no current delta CRL of issuing' });
  await crls.publishIfDue(somebody);
  expect(await part.check()).toEqual({ state: 'up' });
  forward(23 * HOUR);
  for (const id of ['root', 'issuing']) await crls.sign(id, somebody);
  await crls.sign('issuing', somebody, 'delta');
  await crls.sign('issuing', somebody, '1');
  expect(await part.check()).toEqual({ state: 'down', detail: 'no current CRL of issuing' });
  await crls.sign('issuing', somebody, '2');
  expect(await part.check()).toEqual({ state: 'up' });
});

it('lists: down without a shard that was never signed, a warning without a delta that was not', async () => {
  const { ca, crls } = authority;
  const part = crlPart(ca, crls, now);
  for (const id of ['root', 'issuing']) await crls.sign(id, somebody);
  await crls.sign('issuing', somebody, '1');
  expect(await part.check()).toEqual({ state: 'down', detail: 'no current CRL of issuing' });
  await crls.sign('issuing', somebody, '2');
  expect(await part.check()).toEqual({ state: 'warning', detail: 'no current delta CRL of issuing' });
  await crls.sign('issuing', somebody, 'delta');
  expect(await part.check()).toEqual({ state: 'up' });
});

it('lists: one that is signed elsewhere is a warning alone, and down together with one that is signed here', async () => {
  const { ca, crls } = authority;
  const keptElsewhere = {
    authorities: ca.authorities.map((each) => (each.id === 'root' ? { ...each, keyHere: false } : each)),
  };
  const part = crlPart(keptElsewhere, crls, now);
  expect(await part.check()).toEqual({ state: 'down', detail: 'no current CRL of root, issuing' });
  for (const scope of ['complete', 'delta', '1', '2'] as const) await crls.sign('issuing', somebody, scope);
  expect(await part.check()).toEqual({ state: 'warning', detail: 'no current CRL of root' });
});

it('OCSP: how long the responders last and when one signed last; a warning when there is no new certificate', async () => {
  const { ca } = authority;
  const { certificate } = await ca.issue({ request: certificationRequest(), requester: somebody });
  const ask = (of = authority) =>
    of.ocsp!.answer(encodeOcspRequest([certIdOf(ca.issuing.certificate, certificate.serialNumber)]));
  const part = ocspPart(authority.ocsp!, now);
  expect(await part.check()).toEqual({ state: 'up', detail: 'nobody has asked yet' });
  await ask();
  const signed = `${clock.toISOString().slice(0, -5)}.000Z`;
  expect(await part.check()).toEqual({ state: 'up', detail: `issuing 13 days left, last signed ${signed}` });
  // A process that has not opened the key of the CA, and cannot.
  const other = await temporary.reopen({ settings: authority.settings, create: false });
  const key = join(temporary.folder, 'certs/ca/issuing_ca.key.pem');
  renameSync(key, `${key}.away`);
  forward(15 * DAY);
  await ask(other);
  const otherPart = ocspPart(other.ocsp!, now);
  expect(await otherPart.check()).toEqual({
    state: 'warning',
    detail: 'no new certificate for the responder of issuing',
  });
  renameSync(`${key}.away`, key);
  forward(11_000);
  await ask(other);
  expect(await otherPart.check()).toMatchObject({ state: 'up' });
});
