import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { certificationRequest, certificationRequestPem } from '../../test/support/certification-request.js';
import { describeOnEachStore } from '../../test/support/postgres.js';
import { openTemporaryAuthority, somebody, type TemporaryAuthority } from '../../test/support/temporary-authority.js';
import { listAudit } from '../store/index.js';
import { generateTestKeyPair, type TestKeyType } from '../testing/index.js';
import {
  decodeCertificationRequest,
  encodeExtensionOf,
  encodeName,
  encodePem,
  generalNameToString,
  ipFromString,
  KeyUsage,
  nameFrom,
  nameToString,
  Oid,
  validateCertificatePath,
  type GeneralName,
} from '../x509/index.js';

const dns = (value: string): GeneralName => ({ kind: 'dns', value });

describeOnEachStore('the CA service', (_, newPlace) => {
  let temporary: TemporaryAuthority;
  const ca = () => temporary.authority.ca;
  const issue = (more: Partial<Parameters<TemporaryAuthority['authority']['ca']['issue']>[0]> = {}) =>
    ca().issue({ request: certificationRequest(), requester: somebody, ...more });
  beforeEach(async () => {
    temporary = await openTemporaryAuthority({ newPlace });
  });
  afterEach(() => temporary.close());

  it.each([
    ['server', ['serverAuth']],
    ['client', ['clientAuth']],
    ['service', ['serverAuth', 'clientAuth']],
  ])('issues for profile %s a path that validates for its purposes', async (profile, purposes) => {
    const { certificate, chain } = await issue({ profile });
    const [root, issuing] = ca().authorities;
    const result = validateCertificatePath({
      leaf: certificate,
      intermediates: chain.slice(1),
      anchors: [root!.certificate],
      time: new Date(),
      purposes,
      extendedKeyUsageRequired: true,
    });
    expect(result.ok).toBe(true);
    const other = purposes.includes('clientAuth') ? 'codeSigning' : 'clientAuth';
    expect(certificate.extensions.extendedKeyUsage).not.toContain(Oid[other]);
    expect(chain).toEqual([certificate, issuing!.certificate]);
  });

  it('decides every field by the profile', async () => {
    const { certificate, chainPem, certificatePem } = await issue({
      names: [dns('Worker.Local'), dns('worker.local')],
    });
    const { extensions } = certificate;
    expect(nameToString(certificate.subject)).toBe('CN=orders,O=VERITAS Framework');
    expect(nameToString(certificate.issuer)).toBe('CN=VERITAS Issuing CA,O=VERITAS Framework');
    expect(certificate.serialNumber).toMatch(/^[0-7][0-9a-f]{31}$/);
    expect(certificate.notAfter.getTime() - certificate.notBefore.getTime()).toBeLessThanOrEqual(86_460_000);
    expect(certificate.notBefore.getTime()).toBeLessThan(Date.now());
    expect(extensions.subjectAltName?.map(generalNameToString)).toEqual(['DNS:orders', 'DNS:worker.local']);
    expect([...extensions.keyUsage!]).toEqual([KeyUsage.digitalSignature]);
    expect(extensions.basicConstraints).toEqual({ cA: false, pathLenConstraint: undefined });
    expect(extensions.crlDistributionPoints).toMatchObject([
      { distributionPoint: { fullName: [{ kind: 'uri', value: 'http://localhost:5080/crl/issuing.crl' }] } },
    ]);
    expect(extensions.authorityInfoAccess).toMatchObject([
      { accessMethod: Oid.caIssuers, accessLocation: { value: 'http://localhost:5080/ca/issuing.cer' } },
    ]);
    expect(chainPem).toBe(certificatePem + ca().issuing.certificatePem);
    expect(ca().trustBundle.match(/BEGIN/g)).toHaveLength(2);
  });

  it('takes what a request may ask for, and names its sender may have', async () => {
    const key = generateTestKeyPair();
    const request = certificationRequestPem({
      key: key.privateKey,
      subject: nameFrom({ organization: 'VERITAS Framework', commonName: 'orders' }),
      extensions: [
        encodeExtensionOf.subjectAltName([
          dns('ORDERS.example.org'),
          dns('xn--bcher-kva.example.org'),
          { kind: 'ip', value: ipFromString('10.0.0.7')! },
          { kind: 'ip', value: ipFromString('fd00::7')! },
          { kind: 'uri', value: 'https://orders.example.org/a%20b' },
        ]),
        encodeExtensionOf.basicConstraints({ cA: false, pathLenConstraint: undefined }),
        encodeExtensionOf.keyUsage([KeyUsage.digitalSignature]),
        encodeExtensionOf.extendedKeyUsage([Oid.clientAuth]),
        encodeExtensionOf.subjectKeyIdentifier(
          decodeCertificationRequest(certificationRequest({ key: key.privateKey })).publicKey.keyIdentifier,
        ),
      ],
    });
    const names = [
      'DNS:orders',
      'DNS:orders.example.org',
      'DNS:xn--bcher-kva.example.org',
      'IP:10.0.0.7',
      'IP:fd00::7',
    ];
    const uris = ['URI:https://orders.example.org/a%20b'];
    const { certificate } = await issue({ request });
    expect(certificate.extensions.subjectAltName?.map(generalNameToString)).toEqual([...names, ...uris]);
    const again = await issue({
      request,
      granted: { service: 'orders', names: certificate.extensions.subjectAltName ?? [] },
    });
    expect(again.certificate.serialNumber).not.toBe(certificate.serialNumber);
  });

  it('takes PEM by its older name, DER, a request that was read, and one without a subject', async () => {
    const der = certificationRequest({ subject: encodeName([]) });
    const requests = [
      der,
      decodeCertificationRequest(der),
      encodePem('NEW CERTIFICATE REQUEST', der),
      Buffer.from(encodePem('CERTIFICATE REQUEST', der)),
    ];
    for (const request of requests)
      expect(nameToString((await issue({ request, service: 'orders' })).certificate.subject)).toContain('CN=orders');
  });

  it.each<TestKeyType>(['P-256', 'P-384', 'P-521', 'Ed25519', 'RSA-2048'])(
    'certifies a key of type %s',
    async (type) => {
      const { certificate } = await issue({
        request: certificationRequest({ key: generateTestKeyPair(type).privateKey }),
      });
      const bits = [...certificate.extensions.keyUsage!];
      expect(bits).toEqual(
        type === 'RSA-2048' ? [KeyUsage.digitalSignature, KeyUsage.keyEncipherment] : [KeyUsage.digitalSignature],
      );
    },
  );

  it('gives the lifetime asked for, never beyond the issuing CA', async () => {
    const { certificate } = await issue({ lifetime: 60 });
    expect(certificate.notAfter.getTime() - Date.now()).toBeLessThanOrEqual(60_000);
    const inFiveYears = new Date(ca().issuing.certificate.notAfter.getTime() - 3_600_000);
    const later = await temporary.reopen({ now: () => inFiveYears });
    const last = await later.ca.issue({ request: certificationRequest(), requester: somebody });
    expect(last.certificate.notAfter).toEqual(ca().issuing.certificate.notAfter);
    const tooLate = await temporary.reopen({ now: () => ca().issuing.certificate.notAfter });
    await expect(tooLate.ca.issue({ request: certificationRequest(), requester: somebody })).rejects.toMatchObject({
      code: 'issuer_expired',
    });
    const tooEarly = await temporary.reopen({ now: () => new Date(Date.now() - 86_400_000) });
    await expect(tooEarly.ca.issue({ request: certificationRequest(), requester: somebody })).rejects.toMatchObject({
      code: 'clock_behind',
    });
  });

  it('renews for the same lifetime, whatever the backdating has become', async () => {
    let { certificate } = await issue({ lifetime: 600 });
    for (const backdate of [3600, 0, 60]) {
      const { ca: later } = await temporary.reopen({ settings: { ...temporary.settings, backdate } });
      const { serialNumber, fingerprint256 } = certificate;
      const began = Math.floor(Date.now() / 1000) * 1000;
      ({ certificate } = await later.renew({
        request: certificationRequest(),
        holder: { serialNumber, fingerprint256 },
        requester: somebody,
      }));
      expect(certificate.notAfter.getTime() - began).toBeGreaterThanOrEqual(600_000);
      expect(certificate.notAfter.getTime() - Date.now()).toBeLessThanOrEqual(600_000);
    }
  });

  it('renews for the lifetime that was asked for, also what the end of a CA cut short', async () => {
    const { notAfter } = ca().issuing.certificate;
    const early = await temporary.reopen({ now: () => new Date(notAfter.getTime() - 600_000) });
    const { certificate } = await early.ca.issue({
      request: certificationRequest(),
      requester: somebody,
      lifetime: 7200,
    });
    expect(certificate.notAfter).toEqual(notAfter);
    const { serialNumber, fingerprint256 } = certificate;
    const holding = {
      request: certificationRequest(),
      holder: { serialNumber, fingerprint256 },
      requester: somebody,
    };
    // As after a rollover: there is time for all of it again.
    const { ca: later } = await temporary.reopen();
    const began = Math.floor(Date.now() / 1000) * 1000;
    const { certificate: renewed } = await later.renew(holding);
    expect(renewed.notAfter.getTime() - began).toBeGreaterThanOrEqual(7_200_000);
    expect(renewed.notAfter.getTime() - Date.now()).toBeLessThanOrEqual(7_200_000);
    await expect(later.issueToHolder({ ...holding, lifetime: 7201 })).rejects.toMatchObject({
      code: 'lifetime_not_allowed',
    });
  });

  it('renews for as long as the profile gives now, where that has become less', async () => {
    const within = async (maximumLifetime: number) => {
      const profiles = [{ name: 'web', purposes: ['serverAuth'], lifetime: maximumLifetime, maximumLifetime } as const];
      return (await temporary.reopen({ settings: { ...temporary.settings, profiles } })).ca;
    };
    const asked = () => ({ request: certificationRequest(), requester: somebody });
    const before = await within(7200);
    const { serialNumber, fingerprint256 } = (await before.issue({ ...asked(), profile: 'web' })).certificate;
    const now = await within(600);
    const renewed = await now.renew({ ...asked(), holder: { serialNumber, fingerprint256 } });
    expect(renewed.certificate.notAfter.getTime() - Date.now()).toBeLessThanOrEqual(600_000);
  });

  it('gives a SPIFFE ID as the only URI (X.509-SVID §2)', async () => {
    const [id, other]: GeneralName[] = ['spiffe://example.org/orders', 'https://orders.example.org'].map((value) => ({
      kind: 'uri',
      value,
    }));
    const names = async (...asked: GeneralName[]) => (await issue({ names: asked })).certificate.extensions;
    expect((await names(dns('orders.example.org'), id!)).subjectAltName).toHaveLength(3);
    await expect(names(id!, other!)).rejects.toMatchObject({ code: 'name_not_allowed' });
  });

  it('gives the holder of what is over a renewal within the grace, and nothing else', async () => {
    const { notAfter, serialNumber, fingerprint256 } = (await issue({ lifetime: 600 })).certificate;
    const holding = {
      request: certificationRequest(),
      holder: { serialNumber, fingerprint256 },
      requester: somebody,
    };
    let now = notAfter.getTime() + 1;
    const settings = { ...temporary.settings, renewalGrace: 60 };
    const { ca: later } = await temporary.reopen({ settings, now: () => new Date(now) });
    await expect(later.issueToHolder(holding)).rejects.toMatchObject({ code: 'not_the_holder' });
    now += 60_000;
    await expect(later.renew(holding)).rejects.toMatchObject({ code: 'not_the_holder' });
    now -= 1;
    expect((await later.renew(holding)).certificate.notAfter.getTime()).toBe(notAfter.getTime() + 660_000);
  });

  it('stores, records and tells what it issued', async () => {
    const events: unknown[] = [];
    temporary.authority.events.on('certificate.issued', (event) => events.push(event));
    const { certificate } = await issue();
    expect(await ca().find(certificate.serialNumber)).toMatchObject({
      issuer: 'issuing',
      profile: 'service',
      service: 'orders',
      status: 'active',
      fingerprint: certificate.fingerprint256,
      requester: 'test',
      request_id: 'request-1',
    });
    expect((await ca().list({ service: 'orders' })).rows).toHaveLength(1);
    const rows = (await listAudit(temporary.store.database, 0, 100)).filter(
      ({ subject }) => subject === certificate.serialNumber,
    );
    expect(rows.map(({ action, phase, actor }) => [action, phase, actor])).toEqual([
      ['certificate.issue', 'intent', 'test'],
      ['certificate.issue', 'result', 'test'],
    ]);
    expect(rows[1]?.detail).toContain(certificate.fingerprint256);
    expect(events).toMatchObject([{ serialNumber: certificate.serialNumber, profile: 'service', service: 'orders' }]);
  });

  it('draws another serial number when one was taken, and gives up when all are', async () => {
    const octets = [1, 1, 0, 0x80, 2].map((first) => new Uint8Array(16).fill(first));
    const drawn = await temporary.reopen({ create: false, random: () => octets.shift()! });
    const serials: string[] = [];
    for (let i = 0; i < 2; i++)
      serials.push(
        (await drawn.ca.issue({ request: certificationRequest(), requester: somebody })).certificate.serialNumber,
      );
    // The second certificate drew the taken number first, then one that begins with zero, one that would after its top bit is cleared.
    expect(serials).toEqual(['01'.repeat(16), '02'.repeat(16)]);
    const stuck = await temporary.reopen({ create: false, random: () => new Uint8Array(16).fill(1) });
    await expect(stuck.ca.issue({ request: certificationRequest(), requester: somebody })).rejects.toMatchObject({
      code: 'serial_exhausted',
    });
  });

  it('never gives a serial number twice to requests at the same time', async () => {
    const other = await temporary.reopen({ create: false });
    const issued = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        (i % 2 ? other : temporary.authority).ca.issue({ request: certificationRequest(), requester: somebody }),
      ),
    );
    expect(new Set(issued.map(({ certificate }) => certificate.serialNumber)).size).toBe(20);
    expect(await temporary.authority.audit.verify()).toMatchObject({ ok: true });
  });

  it('signs nothing when the record cannot be written', async () => {
    await temporary.place.execute(
      `create trigger disk_is_full before insert on audit begin select raise(abort, 'disk full'); end`,
    );
    const before = (await ca().list()).rows.length;
    await expect(issue()).rejects.toThrow('disk full');
    await expect(
      ca().revoke({ serialNumber: ca().issuing.certificate.serialNumber, requester: somebody }),
    ).rejects.toThrow('disk full');
    await expect(temporary.authority.crls.sign('issuing', somebody)).rejects.toThrow('disk full');
    expect((await ca().list()).rows.length).toBe(before);
    expect((await ca().list({ status: 'revoked' })).rows).toEqual([]);
    expect(temporary.authority.crls.current('issuing')).toBeUndefined();
  });

  it('hands out nothing that the store does not hold', async () => {
    await temporary.place.execute(
      `create trigger no_more before insert on certificate begin select raise(abort, 'disk full'); end`,
    );
    await expect(issue()).rejects.toThrow('disk full');
    // The intent stands without a result: that is how a step that failed looks.
    const rows = (await listAudit(temporary.store.database, 0, 100)).filter(({ action }) => action !== 'key.open');
    expect(rows.at(-1)).toMatchObject({ action: 'certificate.issue', phase: 'intent' });
    expect(await temporary.authority.audit.verify()).toMatchObject({ ok: true });
  });

  it('issues nothing when its issuing CA is revoked', async () => {
    const { serialNumber } = ca().issuing.certificate;
    await ca().revoke({ serialNumber, reason: 'cACompromise', requester: somebody });
    await expect(issue()).rejects.toMatchObject({ code: 'issuer_revoked', status: 503 });
    expect((await ca().list({ service: 'orders' })).rows).toEqual([]);
  });

  it('certifies no key again that was compromised', async () => {
    const request = certificationRequest();
    const { certificate } = await issue({ request });
    await ca().revoke({ serialNumber: certificate.serialNumber, reason: 'superseded', requester: somebody });
    const second = await issue({ request });
    await ca().revoke({ serialNumber: second.certificate.serialNumber, reason: 'keyCompromise', requester: somebody });
    await expect(issue({ request })).rejects.toMatchObject({
      code: 'key_compromised',
      mend: expect.stringContaining('new key'),
    });
  });
});
