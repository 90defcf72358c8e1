import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStore, type Store } from '../store/index.js';
import { decodeCertificateList } from '../x509/index.js';
import { openCertificationAuthority } from './certification-authority.js';
import { createDevelopmentMaterial } from './development/development-material.js';
import { requestFor } from './issuance/own-request.js';

describe('smoke', () => {
  let folder: string;
  let store: Store;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'veritas-ca-'));
    store = await openStore({ path: join(folder, 'var/veritas.db') });
  });
  afterEach(async () => {
    await store.close();
    rmSync(folder, { recursive: true });
  });
  it('issues, revokes, publishes', async () => {
    const authority = await openCertificationAuthority({
      store,
      create: true,
      settings: {
        directory: join(folder, 'certs/ca'),
        passphraseFile: join(folder, 'certs/ca/passphrase'),
        crlDirectory: join(folder, 'var/crl'),
        organization: 'VERITAS Framework',
        crlLifetime: 86400,
        crlOverlap: 43200,
        publicationUrl: 'http://localhost:5080',
        serviceLifetime: 86400,
        backdate: 60,
      },
    });
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const requester = { actor: 'test', requestId: '1' };
    const { certificate, chainPem } = await authority.ca.issue({
      request: requestFor(privateKey, 'orders'),
      requester,
    });
    console.log(new X509Certificate(chainPem).toString(), await createDevelopmentMaterial(authority));
    console.log(await createDevelopmentMaterial(authority));
    expect(authority.registry.statusOf(authority.ca.issuing.certificate, certificate.serialNumber)).toEqual({
      status: 'good',
    });
    console.log(
      await authority.ca.revoke({ serialNumber: certificate.serialNumber, reason: 'keyCompromise', requester }),
    );
    expect(authority.registry.statusOf(authority.ca.issuing.certificate, certificate.serialNumber)).toMatchObject({
      status: 'revoked',
    });
    const signed = await authority.crls.publishIfDue();
    expect(signed.length).toBe(2);
    console.log([...decodeCertificateList(readFileSync(join(folder, 'var/crl/issuing.crl'))).revokedCertificates()]);
    expect(await authority.crls.publishIfDue()).toEqual([]);
    console.log(await authority.audit.verify(), statSync(join(folder, 'certs')).mode.toString(8));
  });
});
