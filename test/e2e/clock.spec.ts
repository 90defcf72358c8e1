import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { certificationRequest } from '../support/certification-request.js';
import { openTemporaryAuthority, somebody, type TemporaryAuthority } from '../support/temporary-authority.js';

const DAY = 86_400_000;
let temporary: TemporaryAuthority;
let right: number;
const at = (milliseconds: number) => () => new Date(milliseconds);
const issue = { request: certificationRequest(), requester: somebody };

beforeEach(async () => {
  right = Date.now();
  temporary = await openTemporaryAuthority({ now: at(right) });
  await temporary.authority.crls.publishIfDue();
});
afterEach(() => temporary.close());

test('a clock that was set back a day before the next start: nothing is signed before what was, and it goes on once it is right', async () => {
  const { certificate } = await temporary.authority.ca.issue(issue);
  const behind = await temporary.reopen({ now: at(right - DAY) });
  expect(await behind.crls.publishIfDue()).toEqual([]);
  // Recorded, and in the guard at once; the list has to wait.
  await behind.ca.revoke({ serialNumber: certificate.serialNumber, requester: somebody });
  await expect(behind.crls.publishIfDue()).rejects.toMatchObject({ code: 'clock_behind' });
  await expect(behind.crls.sign('issuing', somebody)).rejects.toMatchObject({ code: 'clock_behind' });
  // The CA itself is not valid yet.
  await expect(behind.ca.issue(issue)).rejects.toMatchObject({ code: 'clock_behind' });
  expect(behind.crls.current('issuing')?.number).toBe(1);
  const again = await temporary.reopen({ now: at(right + 1000) });
  expect((await again.crls.publishIfDue()).map(({ issuer, number }) => `${issuer} ${number}`)).toEqual(['issuing 2']);
  await again.ca.issue(issue);
  expect(await again.audit.verify()).toMatchObject({ ok: true });
});

test('a clock that was a day ahead: what it signed stands, and nothing is signed until its time has come', async () => {
  const ahead = await temporary.reopen({ now: at(right + DAY) });
  expect((await ahead.crls.publishIfDue()).map(({ number }) => number)).toEqual([2, 2]);
  const again = await temporary.reopen({ now: at(right) });
  expect(await again.crls.publishIfDue()).toEqual([]);
  const { certificate } = await again.ca.issue(issue);
  await again.ca.revoke({ serialNumber: certificate.serialNumber, requester: somebody });
  await expect(again.crls.publishIfDue()).rejects.toThrow(
    /the clock says .*Z, before the last revocation list of issuing was signed \(.*Z\)/,
  );
  expect(again.registry.statusOf(again.ca.issuing.certificate, certificate.serialNumber)).toMatchObject({
    status: 'revoked',
  });
  const later = await temporary.reopen({ now: at(right + DAY + 1000) });
  expect((await later.crls.publishIfDue()).map(({ issuer, number }) => `${issuer} ${number}`)).toEqual(['issuing 3']);
});

test('a clock that was ahead when something was revoked: no list is dated before that, and it goes on when its time has come', async () => {
  const { certificate } = await temporary.authority.ca.issue(issue);
  const ahead = await temporary.reopen({ now: at(right + 5000) });
  await ahead.ca.revoke({ serialNumber: certificate.serialNumber, requester: somebody });
  const again = await temporary.reopen({ now: at(right + 2000) });
  await expect(again.crls.publishIfDue()).rejects.toMatchObject({
    code: 'clock_behind',
    message: expect.stringContaining('revocationDate is after thisUpdate'),
  });
  expect(again.registry.statusOf(again.ca.issuing.certificate, certificate.serialNumber)).toMatchObject({
    status: 'revoked',
  });
  const later = await temporary.reopen({ now: at(right + 6000) });
  expect((await later.crls.publishIfDue()).map(({ issuer, number }) => `${issuer} ${number}`)).toEqual(['issuing 3']);
});
