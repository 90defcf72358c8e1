import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Controller, Get, Module, type Type } from '@nestjs/common';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { temporaryFolder } from '../../test/support/folder.js';
import { ClientIdentity, MtlsModule, PEER_OF } from '../mtls/index.js';
import { Oid } from '../x509/index.js';
import { standInIdentity, type StandIn } from './stand-in.js';
import { TestCa } from './test-ca.js';

const ca = TestCa.root();
const standIn = standInIdentity(ca);

@Controller()
class GreetingController {
  @Get('hello')
  hello(@ClientIdentity() who: ClientIdentity): object {
    return { service: who.service, serial: who.serialNumber };
  }
}

@Module({
  imports: [
    MtlsModule.forRoot({ trustAnchors: ca.certificatePem, services: ['billing'], revocation: { mode: 'off' } }),
  ],
  controllers: [GreetingController],
})
class GreetingModule {}

async function start(peers?: StandIn, module: Type = GreetingModule): Promise<NestFastifyApplication> {
  const builder = Test.createTestingModule({ imports: [module] });
  if (peers) builder.overrideProvider(PEER_OF).useValue(peers.peerOf);
  const testing = await builder.compile();
  const app = testing.createNestApplication<NestFastifyApplication>(new FastifyAdapter(), { logger: false });
  await app.init();
  await app.getHttpAdapter().getInstance().ready();
  return app;
}

let app: NestFastifyApplication;
let untouched: NestFastifyApplication;
beforeAll(async () => {
  app = await start(standIn);
  untouched = await start();
});
afterAll(async () => {
  await app.close();
  await untouched.close();
});

async function ask(headers: Record<string, string>, of = app): Promise<Record<string, unknown>> {
  const answer = await of.inject({ url: '/hello', headers });
  return { status: answer.statusCode, ...answer.json<object>() };
}

test('a header of the stand-in is a real certificate, the same each time', async () => {
  const first = await ask(standIn.headers('billing'));
  expect(first).toEqual({ status: 200, service: 'billing', serial: expect.stringMatching(/^[0-9a-f]{32}$/) });
  expect(await ask(standIn.headers('billing'))).toEqual(first);
});

describe('the whole pipeline runs behind it', () => {
  const hour = 3_600_000;
  test.each([
    ['the allow-list', standIn.headers('stranger'), 'service_not_allowed'],
    ['dates', standIn.headers('billing', { notAfter: new Date(Date.now() - hour) }), 'certificate_expired'],
    ['key usage', standIn.headers('billing', { purposes: [Oid.serverAuth] }), 'wrong_key_usage'],
  ])('%s', async (_, headers, code) => {
    expect(await ask(headers)).toMatchObject({ code });
  });
});

test('a stand-in of a CA that is not trusted is refused for that', async () => {
  const foreign = standInIdentity(TestCa.root());
  const fooled = await start(foreign);
  expect(await ask(foreign.headers('billing'), fooled)).toMatchObject({ status: 403, code: 'untrusted_issuer' });
  await fooled.close();
});

test('a certificate that was issued before is presented, and is revoked by the list that has it', async () => {
  const [lost, kept] = [ca.issue({ commonName: 'billing' }), ca.issue({ commonName: 'billing' })];
  const source = join(temporaryFolder(), 'test.crl');
  writeFileSync(source, ca.crl([lost]));
  const options = { trustAnchors: ca.certificatePem, services: ['billing'], revocation: { crls: [{ source }] } };
  @Module({ imports: [MtlsModule.forRoot(options)], controllers: [GreetingController] })
  class RevokingModule {}
  const revoking = await start(standIn, RevokingModule);
  expect(await ask(standIn.headersOf(lost), revoking)).toMatchObject({ status: 403, code: 'certificate_revoked' });
  expect(await ask(standIn.headersOf(kept), revoking)).toMatchObject({ serial: kept.certificate.serialNumber });
  await revoking.close();
});

test('no header, or one that was never issued, presents no certificate', async () => {
  for (const headers of [{}, { 'x-veritas-stand-in': 'billing' }, { 'x-veritas-stand-in': '__proto__' }])
    expect(await ask(headers)).toMatchObject({ status: 401, code: 'client_certificate_required' });
});

test('where the provider was not overridden the header means nothing', async () => {
  expect(await ask(standIn.headers('billing'), untouched)).toMatchObject({ code: 'client_certificate_required' });
});

test('over a real socket the header means nothing, overridden or not', async () => {
  await app.listen(0, '127.0.0.1');
  const { port } = app.getHttpServer().address() as AddressInfo;
  const answer = await fetch(`http://127.0.0.1:${port}/hello`, { headers: standIn.headers('billing') });
  expect([answer.status, await answer.json()]).toEqual([
    401,
    expect.objectContaining({ code: 'client_certificate_required' }),
  ]);
});
