import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readPublished } from '../../src/pki/index.js';
import { encodePem, type Certificate } from '../../src/x509/index.js';
import { certificationRequest } from '../support/certification-request.js';
import { openTemporaryAuthority, somebody, type TemporaryAuthority } from '../support/temporary-authority.js';

const SHARDS = 2;

describe('deltas, shards and holds, read by OpenSSL, GnuTLS and Java', () => {
  let temporary: TemporaryAuthority;
  let plain: TemporaryAuthority['authority'];
  // It goes on by some seconds, and GnuTLS looks at the real one.
  let clock = new Date(Date.now() - 10_000);
  const path = (name: string): string => join(temporary.folder, name);
  beforeAll(async () => {
    temporary = await openTemporaryAuthority({ now: () => clock });
    const { settings } = temporary;
    plain = await temporary.reopen({ settings: { ...settings, crlDeltaLifetime: 7200 } });
    const authority = await temporary.reopen({ settings: { ...settings, crlDeltaLifetime: 7200, crlShards: SHARDS } });
    temporary = { ...temporary, authority };
  });
  afterAll(() => temporary.close());

  const run = (command: string, ...args: string[]): string => {
    const { stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' });
    return stdout + stderr;
  };
  const issue = async ({ ca }: TemporaryAuthority['authority']): Promise<Certificate> =>
    (await ca.issue({ request: certificationRequest(), requester: somebody })).certificate;
  const list = async (issuer: string, scope: string): Promise<string> =>
    encodePem('X509 CRL', await readPublished(temporary.authority.crls.current(issuer, scope)!));

  /** What OpenSSL says about a certificate with those lists of the issuing CA, and that of the root. */
  const verify = async (certificate: Certificate, scopes: readonly string[], ...flags: string[]): Promise<string> => {
    writeFileSync(path('leaf.pem'), encodePem('CERTIFICATE', certificate.der));
    const lists = await Promise.all(scopes.map((scope) => list('issuing', scope)));
    writeFileSync(path('lists.pem'), [await list('root', 'complete'), ...lists].join(''));
    const at = String(Math.ceil(clock.getTime() / 1000) + 1);
    const chain = ['-CAfile', path('certs/root_ca.pem'), '-untrusted', path('certs/issuing_ca.pem'), '-attime', at];
    const says = run(
      'openssl',
      'verify',
      '-crl_check_all',
      ...flags,
      ...chain,
      '-CRLfile',
      path('lists.pem'),
      path('leaf.pem'),
    );
    return /error \d+ at \d depth lookup: (.*)/.exec(says)?.[1] ?? says.trim().replace(/.*: /, '');
  };

  it('say the same as the registry, whichever list is asked', async () => {
    const { ca, crls } = temporary.authority;
    const [good, held, freed, gone] = [await issue(plain), await issue(plain), await issue(plain), await issue(plain)];
    const sharded = await Promise.all([1, 2, 3, 4].map(() => issue(temporary.authority)));
    const change = (certificate: Certificate, reason: string) =>
      ca.revoke({ serialNumber: certificate.serialNumber, reason, requester: somebody });
    await change(freed, 'certificateHold');
    await crls.publishIfDue(somebody);
    clock = new Date(clock.getTime() + 5000);
    await ca.release({ serialNumber: freed.serialNumber, requester: somebody });
    await change(held, 'certificateHold');
    await change(gone, 'keyCompromise');
    await change(sharded[0]!, 'superseded');
    await crls.publishIfDue(somebody);

    const deltas = ['-use_deltas', '-extended_crl'];
    for (const certificate of [good, freed])
      expect(await verify(certificate, ['complete', 'delta'], ...deltas)).toBe('OK');
    for (const certificate of [held, gone])
      expect(await verify(certificate, ['complete', 'delta'], ...deltas)).toBe('certificate revoked');
    const shards = ['1', '2'];
    expect(await verify(sharded[0]!, shards, '-extended_crl')).toBe('certificate revoked');
    for (const certificate of sharded.slice(1)) expect(await verify(certificate, shards, '-extended_crl')).toBe('OK');
    // A shard answers for nobody else.
    expect(await verify(good, shards, '-extended_crl')).toMatch(/scope|unable to get certificate CRL/);

    await crls.sign('issuing', somebody);
    for (const each of [sharded[0]!, held, gone]) expect(await verify(each, ['complete'])).toBe('certificate revoked');
    for (const each of [sharded[1]!, good, freed]) expect(await verify(each, ['complete'])).toBe('OK');
  });

  it('are believed by Java, complete and in shards', async () => {
    const { ca, crls } = temporary.authority;
    const byJava = async (issuing: TemporaryAuthority['authority'], scopes: readonly string[]): Promise<string> => {
      const [good, gone] = [await issue(issuing), await issue(issuing)];
      await ca.revoke({ serialNumber: gone.serialNumber, reason: 'cessationOfOperation', requester: somebody });
      await crls.publishIfDue(somebody);
      await crls.sign('issuing', somebody);
      const lists = [['root', await list('root', 'complete')]];
      for (const scope of scopes) lists.push([`list-${scope}`, await list('issuing', scope)]);
      const leaves = [good, gone].map(({ der }, i) => [`leaf-${i}`, encodePem('CERTIFICATE', der)]);
      const [files, leafFiles] = [lists, leaves].map((all) =>
        all.map(([name, pem]) => {
          writeFileSync(path(`${name}.pem`), pem!);
          return path(`${name}.pem`);
        }),
      );
      return run(
        'java',
        ...[join(import.meta.dirname, 'java/Revocation.java'), 'lists', files!.join()],
        ...[path('certs/root_ca.pem'), path('certs/issuing_ca.pem'), ...leafFiles!],
      );
    };
    const said = 'good\nrevoked CESSATION_OF_OPERATION at 0\n';
    expect(await byJava(plain, ['complete'])).toBe(said);
    expect(await byJava(temporary.authority, ['1', '2'])).toBe(said);
    // A shard answers for nobody else.
    expect(await byJava(plain, ['1', '2'])).toMatch(/^UNDETERMINED_REVOCATION_STATUS/);
  });

  it('are printed and verified', async () => {
    const { crls } = temporary.authority;
    await crls.publishIfDue(somebody);
    for (const scope of ['complete', 'delta', '1', '2']) {
      const file = path('one.pem');
      writeFileSync(file, await list('issuing', scope));
      const text = run('openssl', 'crl', '-text', '-noout', '-in', file, '-CAfile', path('certs/issuing_ca.pem'));
      expect(text).toContain('verify OK');
      if (scope === 'complete')
        expect(text).toMatch(/Freshest CRL: \n.*\n\s+URI:http:\/\/localhost:5080\/crl\/issuing\/delta.crl/);
      if (scope === 'delta') expect(text).toMatch(/Delta CRL Indicator: critical\n/);
      if (scope === '1')
        expect(text).toMatch(
          /Issuing Distribution Point: critical\n.*\n\s+URI:http:\/\/localhost:5080\/crl\/issuing\/1.crl/,
        );
      const gnutls = run(
        'certtool',
        '--verify-crl',
        '--load-ca-certificate',
        path('certs/issuing_ca.pem'),
        '--infile',
        file,
      );
      expect(gnutls).toContain('Verification output: Verified.');
    }
  });
});
