import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { PerformanceObserver } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { EventBus } from '../../src/events/index.js';
import { CaService, CrlService, EnrollmentService, RevocationService } from '../../src/pki/index.js';
import { TestCa } from '../../src/testing/index.js';
import { decodeCertificates } from '../../src/x509/index.js';
import { callerOf, csrOf, newKey, send, type Caller } from '../support/certificate-client.js';
import { get, PROTOCOLS } from '../support/client.js';
import { commandLine } from '../support/command-line.js';
import { temporaryFolder, writeFiles } from '../support/folder.js';
import { developmentTls, environmentIn, startIn } from '../support/service.js';

type Service = Awaited<ReturnType<typeof startIn>>;

let service: Service;
let monitoring: Caller;
beforeAll(async () => {
  service = await startIn();
  monitoring = await callerOf(service, 'monitoring-service');
});
afterAll(() => service.close());

/** What the page says, by the series as they are written there. */
async function metricsOf({ ports }: Service, tls = monitoring.tls): Promise<ReadonlyMap<string, number>> {
  const { status, text } = await get(ports.https, '/metrics', tls);
  expect(status).toBe(200);
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]),
  );
}

describe('GET /metrics', () => {
  test.each(PROTOCOLS)('is for the role metrics alone, over %s and %s', async (version, http) => {
    const over = { minVersion: version, maxVersion: version } as const;
    const ask = (tls: object) => get(service.ports.https, '/metrics', { ...tls, ...over }, http);
    const page = await ask(monitoring.tls);
    expect([page.status, page.headers['content-type'], page.headers['cache-control']]).toEqual([
      200,
      'text/plain; version=0.0.4; charset=utf-8',
      'no-store',
    ]);
    const [other, nobody] = [
      await ask(developmentTls(service.folder, 'client')),
      await ask(developmentTls(service.folder)),
    ];
    expect([other.status, other.json.code]).toEqual([403, 'route_not_allowed']);
    expect([nobody.status, nobody.json.code]).toEqual([401, 'client_certificate_required']);
  });

  test('counts whom the guard let in and whom it did not, and why', async () => {
    const before = await metricsOf(service);
    const client = developmentTls(service.folder, 'client');
    await get(service.ports.https, '/api/v1/test', client);
    await get(service.ports.https, '/api/v1/test', client);
    await get(service.ports.https, '/health', client);
    await get(service.ports.https, '/nowhere', developmentTls(service.folder));
    await send(service.ports.https, { method: 'POST', path: '/api/v1/certificates', tls: client, body: { csr: 'x' } });
    const after = await metricsOf(service);
    const more = (name: string): number => (after.get(name) ?? 0) - (before.get(name) ?? 0);
    // Two, one whose body was wrong, and the page itself.
    expect(more('veritas_requests_admitted_total')).toBe(4);
    expect(more('veritas_requests_refused_total{code="client_certificate_required"}')).toBe(1);
  });

  test('tells when certificates and lists end', async () => {
    const metrics = await metricsOf(service);
    const { authorities } = service.application.get(CaService, { strict: false });
    const [server] = decodeCertificates(readFileSync(join(service.folder, 'certs/server_cert.pem')));
    const of = '{certificate="server"}';
    expect(metrics.get(`veritas_certificate_not_after_seconds${of}`)).toBe(Number(server.notAfter) / 1000);
    expect(metrics.get(`veritas_certificate_not_before_seconds${of}`)).toBe(Number(server.notBefore) / 1000);
    expect(authorities.map(({ id }) => id)).toEqual(['root', 'issuing']);
    for (const { id, certificate } of authorities)
      expect(metrics.get(`veritas_authority_not_after_seconds{issuer="${id}"}`)).toBe(
        Number(certificate.notAfter) / 1000,
      );
    const lists = service.application.get(CrlService, { strict: false });
    for (const issuer of ['root', 'issuing']) {
      const list = lists.current(issuer);
      const of = `{issuer="${issuer}",scope="complete"}`;
      expect(metrics.get(`veritas_crl_next_update_seconds${of}`)).toBe(Number(list?.nextUpdate) / 1000);
      expect(metrics.get(`veritas_crl_number${of}`)).toBe(list?.number);
      expect(metrics.get(`veritas_crl_size_bytes${of}`)).toBe(list?.octets);
    }
  });

  test('says nothing of a CA that was replaced: it needs no rollover, and nobody its lists', async () => {
    const one = await startIn();
    const veritas = async (...args: string[]): Promise<void> => {
      expect(await commandLine(args, environmentIn(one.folder))).toMatchObject({ code: 0 });
    };
    for (const step of ['prepare', 'publish', 'activate']) await veritas('ca', 'rollover', step);
    const ca = one.application.get(CaService, { strict: false });
    while (ca.issuing.id !== 'issuing-2') await delay(10);
    const { tls } = await callerOf(one, 'monitoring-service');
    const issuersOf = async (name: string): Promise<string[]> =>
      [...(await metricsOf(one, tls)).keys()].flatMap((series) =>
        series.startsWith(`${name}{`) ? (/issuer="([^"]+)"/.exec(series)?.slice(1) ?? []) : [],
      );
    const expectIssuers = async (ending: string[], listed: string[]): Promise<void> => {
      expect(await issuersOf('veritas_authority_not_after_seconds')).toEqual(ending);
      for (const what of ['number', 'next_update_seconds', 'size_bytes'])
        expect(await issuersOf(`veritas_crl_${what}`)).toEqual(listed);
    };
    const has = async (state: string): Promise<void> => {
      while (ca.authorities.find(({ id }) => id === 'issuing')?.state !== state) await delay(10);
    };
    await expectIssuers(['root', 'issuing', 'issuing-2'], ['root', 'issuing', 'issuing-2']);
    await veritas('ca', 'rollover', 'retire');
    await has('retired');
    await expectIssuers(['root', 'issuing-2'], ['root', 'issuing', 'issuing-2']);
    await veritas('revoke', '--issuer', 'issuing', '--reason', 'superseded');
    await veritas('ca', 'rollover', 'remove');
    await has('removed');
    await expectIssuers(['root', 'issuing-2'], ['root', 'issuing-2']);
    await one.close();
  });

  test('counts what the CA did, and what it did not', async () => {
    const before = await metricsOf(service);
    const { serialNumber } = await callerOf(service, 'veritas-worker');
    await service.application
      .get(RevocationService, { strict: false })
      .revoke({ serialNumber, reason: 'superseded', requester: { actor: 'test', requestId: 'test' } });
    const admin = await callerOf(service, 'admin-client');
    const body = { csr: csrOf(newKey(), 'two words') };
    await send(service.ports.https, { method: 'POST', path: '/api/v1/certificates', tls: admin.tls, body });
    const after = await metricsOf(service);
    const more = (name: string): number => (after.get(name) ?? 0) - (before.get(name) ?? 0);
    expect(more('veritas_certificates_issued_total{issuer="issuing",profile="client"}')).toBe(2);
    expect(more('veritas_certificates_revoked_total{issuer="issuing",reason="superseded"}')).toBe(1);
    expect(more('veritas_issuance_refused_total{code="service_name_malformed"}')).toBe(1);
    const { text } = await get(service.ports.https, '/metrics', monitoring.tls);
    for (const name of ['veritas-worker', 'admin-client', serialNumber]) expect(text).not.toContain(name);
  });

  test('counts each refused enrollment once, whether it is the token that is refused or the request', async () => {
    const requester = { actor: 'test', requestId: 'test', standing: 'operator' } as const;
    const enrollment = service.application.get(EnrollmentService, { strict: false });
    const tokenOf = async () => (await enrollment.createToken({ service: 'veritas-worker', requester })).token;
    const enroll = async (token: string | undefined, csr: string): Promise<number> => {
      const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
      const tls = developmentTls(service.folder);
      const path = '/api/v1/certificates/enrollment';
      return (await send(service.ports.https, { method: 'POST', path, tls, headers, body: { csr } })).status;
    };
    const before = await metricsOf(service);
    const [spent, other, csr] = [await tokenOf(), await tokenOf(), csrOf(newKey(), 'veritas-worker')];
    expect(await Promise.all([enroll(spent, csr), enroll('guessed', csr)])).toEqual([201, 401]);
    expect(await enroll(spent, csr)).toBe(201);
    expect(await enroll(spent, csrOf(newKey(), 'veritas-worker'))).toBe(401);
    expect(await enroll(undefined, csr)).toBe(401);
    expect(await enroll(other, 'no request')).toBe(400);
    expect(await enroll(other, csrOf(newKey(), 'veritas-agent'))).toBe(400);
    const after = await metricsOf(service);
    const more = [...after].flatMap(([name, value]) => {
      const by = value - (before.get(name) ?? 0);
      return by > 0 && /issuance_refused|profile="service"/.test(name) ? [[name, by]] : [];
    });
    expect(Object.fromEntries(more)).toEqual({
      'veritas_certificates_issued_total{issuer="issuing",profile="service"}': 1,
      'veritas_issuance_refused_total{code="token_not_valid"}': 3,
      'veritas_issuance_refused_total{code="request_malformed"}': 1,
      'veritas_issuance_refused_total{code="subject_not_allowed"}': 1,
    });
  });

  test('says while the certificate of the service cannot be renewed, and no longer when that is mended', async () => {
    const events = service.application.get(EventBus, { strict: false });
    const failed = { level: 'warn', why: 'no', retryAt: new Date(), notAfter: undefined } as const;
    for (const attempt of [1, 2]) events.emit('renewal.failed', { ...failed, attempt });
    expect((await metricsOf(service)).get('veritas_renewal_failed_attempts')).toBe(2);
    events.emit('renewal.done', { serialNumber: '01', previousSerialNumber: '02', notAfter: new Date() });
    const after = await metricsOf(service);
    expect(after.get('veritas_renewal_failed_attempts')).toBe(0);
    expect(after.get('veritas_renewals_failed_total')).toBe(2);
    events.emit('renewal.failed', { ...failed, attempt: 3 });
    events.emit('renewal.unneeded', { notAfter: undefined });
    expect((await metricsOf(service)).get('veritas_renewal_failed_attempts')).toBe(0);
  });
});

test('tells of each list of another CA how it stands, and not where it is', async () => {
  const other = TestCa.root({ commonName: 'Other CA' });
  const ends = Math.floor(Date.now() / 1000) + 3600;
  const list = { thisUpdate: new Date((ends - 7200) * 1000), nextUpdate: new Date(ends * 1000) };
  const server = createServer((request, reply) =>
    request.url === '/good?token=hush' ? reply.end(other.crl([], list)) : reply.writeHead(404).end(),
  );
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const at = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const folder = temporaryFolder();
  const { issuer } = writeFiles(folder, { issuer: other.certificatePem });
  const crls = ['good', 'bad'].map((name) => ({ source: `${at}/${name}?token=hush`, issuer }));
  const from = Date.now() / 1000;
  const started = await startIn(folder, { VERITAS_MTLS_CRLS: JSON.stringify(crls) });
  try {
    const { tls } = await callerOf(started, 'monitoring-service');
    const metrics = await metricsOf(started, tls);
    const of = (name: string): (number | undefined)[] =>
      [0, 1].map((index) => metrics.get(`veritas_foreign_crl_${name}{source="mtls.crls[${index}]"}`));
    expect(of('this_update_seconds')).toEqual([ends - 7200, undefined]);
    expect(of('next_update_seconds')).toEqual([ends, undefined]);
    expect(of('failures_total')).toEqual([0, 1]);
    const [read, never] = of('last_success_seconds');
    expect(read! >= from && read! <= Date.now() / 1000).toBe(true);
    expect(never).toBeUndefined();
    expect([...metrics.keys()].filter((name) => /hush|127\.0\.0\.1/.test(name))).toEqual([]);
  } finally {
    await started.close();
    server.close();
  }
});

test('with metrics.public anybody may read them', async () => {
  const open = await startIn(undefined, { VERITAS_METRICS_PUBLIC: 'true' });
  try {
    const { status, headers, text } = await get(open.ports.https, '/metrics', developmentTls(open.folder));
    expect([status, headers['cache-control']]).toEqual([200, 'no-store']);
    expect(text).toContain('veritas_build_info{version="');
  } finally {
    await open.close();
  }
});

test('what looks on at the process does so once, however many applications were opened in it', async () => {
  await metricsOf(service);
  const observe = jest.spyOn(PerformanceObserver.prototype, 'observe');
  const next = await startIn();
  try {
    const metrics = await metricsOf(next, (await callerOf(next, 'monitoring-service')).tls);
    const seen = ['process_cpu_seconds_total', 'nodejs_eventloop_lag_seconds', 'veritas_requests_admitted_total'];
    expect(seen.filter((name) => !metrics.has(name))).toEqual([]);
    expect(observe).not.toHaveBeenCalled();
  } finally {
    observe.mockRestore();
    await next.close();
  }
});
