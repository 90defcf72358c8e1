import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { certificationRequest } from '../../test/support/certification-request.js';
import { openTemporaryAuthority, somebody, type TemporaryAuthority } from '../../test/support/temporary-authority.js';
import { auditHead, listAudit } from '../store/index.js';
import type { CertificationAuthorityOptions } from './certification-authority.js';
import type { PkiSettings } from './pki-settings.js';

let temporary: TemporaryAuthority;
beforeEach(async () => {
  temporary = await openTemporaryAuthority();
});
afterEach(() => temporary.close());

/** What is recorded by `work`. */
async function recorded(work: () => Promise<unknown>) {
  const { database } = temporary.store;
  const before = (await auditHead(database))?.sequence ?? 0;
  await work();
  return (await listAudit(database, before, 100)).map(({ action, phase, subject, actor, detail }) => ({
    what: `${action} ${phase} ${subject}`,
    actor,
    detail: JSON.parse(detail) as Record<string, string>,
  }));
}
const reopen = (settings: Partial<PkiSettings> = {}, more: Partial<CertificationAuthorityOptions> = {}) =>
  temporary.reopen({ settings: { ...temporary.settings, ...settings }, requester: somebody, ...more });

describe('a change of policy', () => {
  it('is recorded with both hashes and what differs, once, whoever opens the CA', async () => {
    const own = { name: 'own', purposes: ['clientAuth'], maximumLifetime: 60 } as const;
    const policy = (issuer: string) => ({ mtls: { roles: { [issuer]: ['issuer'] }, revocation: 'hard-fail' } });
    const first = { policy: policy('deployer'), profiles: [own, { ...own, name: 'web' }] };
    const [, begun] = await recorded(() => reopen(first));
    expect(begun).toMatchObject({
      what: 'policy.change result policy',
      actor: somebody.actor,
      detail: { changed: 'mtls, pki.profiles.own, pki.profiles.web' },
    });
    // Maps have no order.
    const [web, other] = first.profiles;
    const turned = { maximumLifetime: 60, purposes: ['clientAuth'], name: 'own' } as const;
    expect(await recorded(() => reopen({ ...first, profiles: [other!, turned] }))).toEqual([]);
    const changed = await recorded(() =>
      reopen({
        crlLifetime: 90_000,
        policy: policy('mallory'),
        profiles: [web!, { ...other!, requesters: [{ role: 'issuer', services: ['*'] }] }],
      }),
    );
    expect(changed.map(({ what }) => what)).toEqual(['policy.change intent policy', 'policy.change result policy']);
    expect(changed[1]?.detail).toEqual({
      from: begun?.detail.to,
      to: expect.stringMatching(/^[0-9a-f]{64}$/),
      changed: 'mtls.roles.deployer, mtls.roles.mallory, pki.crlLifetime, pki.profiles.web.requesters',
    });
    expect(await temporary.authority.audit.verify()).toMatchObject({ ok: true });
  });

  it.each([
    [{ ocsp: true }, 'pki.ocsp'],
    [{ ocspLifetime: 600 }, 'pki.ocspLifetime'],
    [{ crlShards: 4 }, 'pki.crlShards'],
    [{ crlDeltaLifetime: 600 }, 'pki.crlDeltaLifetime'],
  ])('of what certificates say about their status, %j, is recorded', async (settings, changed) => {
    const rows = await recorded(() => reopen(settings));
    expect(rows.map(({ detail }) => detail.changed)).toEqual([changed, changed]);
  });

  it('that two processes begin with at once is recorded once', async () => {
    const rows = await recorded(() => Promise.all([reopen({ backdate: 1 }), reopen({ backdate: 1 })]));
    expect(rows.map(({ detail }) => detail.changed)).toEqual(['pki.backdate', 'pki.backdate']);
  });
});

describe('the use of a key', () => {
  it('is recorded before and after it is opened, once in each process, whoever is first to sign', async () => {
    const again = await reopen();
    const request = certificationRequest();
    const rows = await recorded(() =>
      Promise.all([1, 2, 3].map(() => again.ca.issue({ request, requester: somebody }))),
    );
    const place = join(temporary.folder, 'certs/ca/issuing_ca.key.pem');
    expect(rows.filter(({ what }) => what.startsWith('key.'))).toEqual([
      { what: 'key.open intent issuing', actor: somebody.actor, detail: { place } },
      { what: 'key.open result issuing', actor: somebody.actor, detail: { place } },
    ]);
    expect((await recorded(() => again.ca.openKeys())).map(({ what }) => what)).toEqual([
      'key.open intent root',
      'key.open result root',
    ]);
    expect(await recorded(() => again.ca.openKeys())).toEqual([]);
  });

  it('that cannot be opened leaves the intent, and is tried again', async () => {
    const again = await reopen();
    const file = join(temporary.folder, 'certs/ca/issuing_ca.key.pem');
    const issue = () => again.ca.issue({ request: certificationRequest(), requester: somebody });
    chmodSync(file, 0o644);
    const failed = await recorded(() => expect(issue()).rejects.toMatchObject({ code: 'key_file_exposed' }));
    expect(failed.map(({ what }) => what).filter((what) => what.startsWith('key'))).toEqual([
      'key.open intent issuing',
    ]);
    chmodSync(file, 0o600);
    expect((await recorded(issue)).map(({ what }) => what)).toContain('key.open result issuing');
  });

  it('that is made, a token and their intents too', async () => {
    const { rollover, enrollment } = temporary.authority;
    const made = await recorded(() => rollover.take({ step: 'prepare', requester: somebody }));
    const names = made.map(({ what }) => what);
    expect(names.indexOf('key.create intent issuing-2')).toBeGreaterThan(-1);
    expect(names[names.indexOf('key.create intent issuing-2') + 1]).toBe('key.create result issuing-2');
    const token = await recorded(() => enrollment.createToken({ service: 'billing', requester: somebody }));
    expect(token.map(({ what }) => what.replace(/ [0-9a-f]{16}$/, ''))).toEqual([
      'token.create intent',
      'token.create result',
    ]);
  });

  it('that cannot be recorded does not happen', async () => {
    const again = await reopen();
    await again.store.transaction(async (transaction) => {
      const { sql } = await import('kysely');
      await sql`create trigger full before insert on audit when new.action = 'key.open' begin select raise(abort, 'full'); end`.execute(
        transaction,
      );
    });
    await expect(again.ca.openKeys()).rejects.toThrow();
    await expect(again.ca.issue({ request: certificationRequest(), requester: somebody })).rejects.toThrow();
  });
});
