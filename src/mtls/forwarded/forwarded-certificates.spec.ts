import { randomBytes } from 'node:crypto';
import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { expect, test } from '@jest/globals';
import { TestCa } from '../../testing/index.js';
import type { IdentifiedRequest } from '../identified-request.js';
import { PeerVerifier } from '../peer-verifier.js';
import { ServiceRoles } from '../service-roles.js';
import { readTrustAnchors } from '../trust-anchors.js';
import { presentedCertificate } from '../peer-certificate.js';
import { ForwardedCertificates } from './forwarded-certificates.js';
import { TrustedProxies } from './trusted-proxies.js';

const ca = TestCa.root();
const { der } = ca.issue({ commonName: 'edge' }).certificate;
const trust = readTrustAnchors(ca.certificatePem);
const holder = { connection: {}, certificate: () => presentedCertificate(der) };
const certificates = new ForwardedCertificates(
  new TrustedProxies([{ service: 'edge', format: 'base64-der' }]),
  () => holder,
);
const verifier = new PeerVerifier({
  peerOf: certificates.peerOf,
  trust: () => trust,
  issuerOrganization: undefined,
  serviceFrom: ['cn'],
  revocationMode: 'off',
  revocation: { epoch: 0, statusOf: () => ({ status: 'good', source: 'nowhere' }) },
  allowList: () => ({ allowed: true }),
  roles: new ServiceRoles(),
  clock: () => Date.now(),
  reportUnknown: () => undefined,
});

/** What the verifier remembers a client by, whose certificate is handed on now. */
function connectionOf(octets: Uint8Array): object | undefined {
  const raw = new IncomingMessage(new Socket());
  const value = Buffer.from(octets).toString('base64');
  raw.rawHeaders = ['X-SSL-Client-Cert', value];
  raw.headers = { 'x-ssl-client-cert': value };
  const request: IdentifiedRequest = { id: '1', method: 'GET', url: '/', is404: false, routeOptions: {}, raw };
  certificates.take(request, verifier);
  const handedOn = Buffer.from(certificates.peerOf(request)?.certificate()?.raw ?? []);
  expect([request.forwardedBy, handedOn.equals(octets)]).toEqual(['edge', true]);
  return certificates.peerOf(request)?.connection;
}

test('a client is remembered from one request to the next, and forgotten when 16 MiB of others came since', () => {
  const client = randomBytes(600);
  const first = connectionOf(client);
  expect(connectionOf(client)).toBe(first);
  expect(connectionOf(randomBytes(600))).not.toBe(first);
  for (let i = 0; i < 1000; i++) connectionOf(randomBytes(12_000));
  expect(connectionOf(client)).toBe(first);
  for (let i = 0; i < 60; i++) connectionOf(randomBytes(12_000));
  expect(connectionOf(client)).not.toBe(first);
});

test('a request that carries nothing is of whoever holds the connection', () => {
  const raw = new IncomingMessage(new Socket());
  expect(certificates.peerOf({ raw })).toBe(holder);
});
