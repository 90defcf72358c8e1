import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { CaService } from '../../src/pki/index.js';
import type { RunningService } from '../../src/service.js';
import { certificationRequest } from '../support/certification-request.js';
import { startIn } from '../support/service.js';

const run = promisify(execFile);

describe('the OCSP responder, asked by others', () => {
  let service: RunningService & { folder: string };
  let ca: CaService;
  let url: string;
  const certs = (name: string): string => join(service.folder, 'certs', name);
  const path = (name: string): string => join(service.folder, name);
  beforeAll(async () => {
    service = await startIn();
    ca = service.application.get(CaService, { strict: false });
    url = `http://127.0.0.1:${service.ports.repository}/ocsp`;
    for (const [name, reason] of [
      ['good', undefined],
      ['revoked', 'keyCompromise'],
    ] as const) {
      const requester = { actor: 'test', requestId: 'interop' };
      const { certificate, certificatePem } = await ca.issue({ request: certificationRequest(), requester });
      writeFileSync(path(`${name}.pem`), certificatePem);
      if (reason) await ca.revoke({ serialNumber: certificate.serialNumber, reason, requester });
    }
  });
  afterAll(() => service.close());

  /** All that a command says; it may end with any status. The service is in this process: it must be able to answer. */
  const says = async (command: string, ...args: string[]): Promise<string> => {
    const { stdout, stderr } = await run(command, args, { encoding: 'utf8' }).catch(
      (error: unknown) => error as { stdout: string; stderr: string },
    );
    return stdout + stderr;
  };
  const openssl = (...more: string[]): Promise<string> =>
    says(
      'openssl',
      'ocsp',
      '-url',
      url,
      '-CAfile',
      certs('root_ca.pem'),
      '-verify_other',
      certs('issuing_ca.pem'),
      ...more,
    );

  it.each([
    ['SHA-1, with a nonce', ['-nonce']],
    ['SHA-1, without one', ['-no_nonce']],
    ['SHA-256', ['-sha256']],
  ])('openssl ocsp: good, revoked and unknown in one request, by %s', async (_, options) => {
    // The digest holds for what comes after it.
    const text = await openssl(
      ...options,
      ...['-issuer', certs('issuing_ca.pem'), '-cert', path('good.pem')],
      ...options.filter((each) => each.startsWith('-sha')),
      ...['-cert', path('revoked.pem')],
      ...['-serial', '0x7f7f7f7f'],
    );
    expect(text).toContain('Response verify OK');
    expect(text).toMatch(/good\.pem: good/);
    expect(text).toMatch(/revoked\.pem: revoked[\s\S]*Reason: keyCompromise/);
    expect(text).toMatch(/0x7f7f7f7f: unknown/);
    expect(text).not.toMatch(/WARNING|error/i);
  });

  it('openssl ocsp: the issuing CA, by the responder of the root', async () => {
    const text = await openssl('-issuer', certs('root_ca.pem'), '-cert', certs('issuing_ca.pem'));
    expect(text).toContain('Response verify OK');
    expect(text).toMatch(/issuing_ca\.pem: good/);
  });

  it('openssl ocsp: another issuer is nobody', async () => {
    const text = await openssl('-issuer', path('good.pem'), '-serial', '1');
    expect(text).toMatch(/Responder Error: unauthorized \(6\)/);
  });

  it('openssl ocsp: a responder that is not the delegate of the issuer would not be believed', async () => {
    const text = await says(
      'openssl',
      ...['ocsp', '-url', url, '-CAfile', path('good.pem'), '-no-CApath', '-no-CAstore'],
      ...['-issuer', certs('issuing_ca.pem'), '-cert', path('good.pem')],
    );
    expect(text).toMatch(/Response Verify Failure|certificate verify error/i);
  });

  it('ocsptool of GnuTLS: good and revoked, verified', async () => {
    for (const [name, status] of [
      ['good', 'good'],
      ['revoked', 'revoked'],
    ] as const) {
      const text = await says(
        'ocsptool',
        ...[`--ask=${url}`, '--load-cert', path(`${name}.pem`), '--load-issuer', certs('issuing_ca.pem')],
        ...['--load-trust', certs('issuing_ca.pem'), '--nonce'],
      );
      expect(text).toMatch(new RegExp(`Certificate Status: ${status}`, 'i'));
      expect(text).toMatch(/Verifying OCSP Response: Success/);
    }
  });

  it('Java: the whole path, good and revoked', async () => {
    const text = await says(
      'java',
      ...[join(import.meta.dirname, 'java/Revocation.java'), 'ocsp', url],
      ...['root_ca', 'issuing_ca'].map((name) => certs(`${name}.pem`)),
      ...['good', 'revoked'].map((name) => path(`${name}.pem`)),
    );
    expect(text).toBe('good\nrevoked KEY_COMPROMISE at 0\n');
  });

  it.each(['-tls1_2', '-tls1_3'])('openssl s_client -status %s: the service staples', async (version) => {
    const text = async (): Promise<string> => {
      const child = run('openssl', [
        ...['s_client', '-connect', `127.0.0.1:${service.ports.https}`, '-servername', 'localhost', version],
        ...['-status', '-CAfile', certs('root_ca.pem'), '-verify_return_error'],
      ]);
      child.child.stdin?.end();
      const { stdout, stderr } = await child;
      return stdout + stderr;
    };
    let said = await text();
    while (said.includes('no response sent')) said = await text();
    expect(said).toMatch(/OCSP Response Status: successful \(0x0\)/);
    expect(said).toMatch(/Cert Status: good/);
  });

  it('gnutls-cli: insists on what is stapled, and finds it good', async () => {
    const child = run('gnutls-cli', [
      ...['--x509cafile', certs('root_ca.pem'), '--port', String(service.ports.https)],
      ...['--sni-hostname', 'localhost', '--verify-hostname', 'localhost', '--ocsp', '127.0.0.1'],
    ]).catch((error: unknown) => error as { stdout: string; stderr: string });
    const { stdout } = await child;
    expect(stdout).toMatch(/OCSP status|Status: The certificate is trusted/);
  });
});
