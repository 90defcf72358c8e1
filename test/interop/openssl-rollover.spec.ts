import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { readPublished, type IssuedCertificate } from '../../src/pki/index.js';
import { certificationRequest } from '../support/certification-request.js';
import { opensslVerify } from '../support/openssl.js';
import { openTemporaryAuthority, somebody, type TemporaryAuthority } from '../support/temporary-authority.js';

let temporary: TemporaryAuthority;
beforeAll(async () => {
  temporary = await openTemporaryAuthority();
});
afterAll(() => temporary.close());

test('openssl believes what was issued at every stage, whoever trusts the old, both or the new root', async () => {
  const { ca, rollover, crls } = temporary.authority;
  const rootOf = (id: string): Uint8Array => ca.authorities.find((each) => each.id === id)!.certificate.der;
  const issue = (): Promise<IssuedCertificate> =>
    ca.issue({ request: certificationRequest(), profile: 'service', requester: somebody });
  const saysOf = async ({ chain: [leaf, ...above] }: IssuedCertificate): Promise<Record<string, string>> => {
    const [old, young] = [rootOf('root'), rootOf('root-2')];
    const served = ['root', 'root-2', 'issuing', 'issuing-2'].flatMap((id) => crls.current(id) ?? []);
    const lists = await Promise.all(served.map(readPublished));
    return Object.fromEntries(
      Object.entries({ old: [old], both: [old, young], young: [young] }).map(([name, anchors]) => {
        const intermediates = above.map(({ der }) => der);
        const verdict = (crlList: readonly Uint8Array[]) =>
          opensslVerify({ leaf: leaf!.der, intermediates, anchors, crls: crlList, time: new Date(Date.now() + 1000) });
        const [plain, withLists] = [verdict([]), verdict(lists)];
        return [name, plain.ok && withLists.ok ? 'OK' : `${plain.says} / ${withLists.says}`];
      }),
    );
  };
  const everybody = { old: 'OK', both: 'OK', young: 'OK' };
  const first = await issue();
  await rollover.take({ step: 'prepare', root: true, requester: somebody });
  for (const step of ['publish', 'activate', 'retire'] as const) {
    await rollover.take({ step, root: true, requester: somebody });
    expect([step, await saysOf(await issue())]).toEqual([step, everybody]);
    expect(await saysOf((await ca.issuedBefore(first.certificate.serialNumber))!)).toEqual(everybody);
  }
  // Without the cross-certificate, who trusts the new root alone does not know the old one.
  expect(await saysOf(first)).toMatchObject({
    old: 'OK',
    both: 'OK',
    young: expect.stringContaining('error') as unknown,
  });
  for (const { serial, issuer } of (await ca.list({ status: 'active' })).rows)
    if (issuer === 'issuing') await ca.revoke({ serialNumber: serial, requester: somebody });
  await rollover.take({ step: 'remove', root: true, requester: somebody });
  expect(await saysOf(await issue())).toEqual(everybody);
});
