import { expect, test } from '@jest/globals';
import { TestCa } from '../testing/index.js';
import { PeerVerifier, type VerifierPolicy } from './peer-verifier.js';
import type { Peer } from './peer-certificate.js';
import { ServiceRoles } from './service-roles.js';
import { readTrustAnchors, type TrustAnchors } from './trust-anchors.js';

const ca = TestCa.root();
const stranger = TestCa.root().issue({ commonName: 'billing' });

function verifierWith(change: Partial<VerifierPolicy>): { identify: () => unknown; readings: () => number } {
  let readings = 0;
  const trust = readTrustAnchors(ca.certificatePem);
  const peer: Peer = {
    connection: {},
    certificate: () => {
      readings++;
      return stranger.certificate.der;
    },
  };
  const verifier = new PeerVerifier({
    peerOf: () => peer,
    trust: () => trust,
    issuerOrganization: undefined,
    revocationMode: 'off',
    revocation: { epoch: 0, statusOf: () => ({ status: 'good', source: 'nowhere' }) },
    allowList: () => ({ allowed: true }),
    roles: new ServiceRoles(),
    clock: () => Date.now(),
    reportUnknown: () => undefined,
    ...change,
  });
  return { identify: () => verifier.identify({} as never), readings: () => readings };
}

test('a certificate that was refused is not validated again on its connection, until the trust changes', () => {
  let trust: TrustAnchors = readTrustAnchors(ca.certificatePem);
  const { identify, readings } = verifierWith({ trust: () => trust });
  for (let i = 0; i < 3; i++) expect(identify).toThrow(expect.objectContaining({ code: 'untrusted_issuer' }));
  expect(readings()).toBe(1);
  trust = readTrustAnchors(ca.certificatePem);
  expect(identify).toThrow(expect.objectContaining({ code: 'untrusted_issuer' }));
  expect(readings()).toBe(2);
});
