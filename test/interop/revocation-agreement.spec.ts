import { execFile } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { readPublished } from '../../src/pki/index.js';
import { ocspHandler } from '../../src/repository/ocsp-handler.js';
import { encodePem, type Certificate } from '../../src/x509/index.js';
import { anyStep, RevocationSequence, SHARDS } from '../support/revocation-sequence.js';
import { somebody } from '../support/temporary-authority.js';

/*
 * The same question, whether a certificate is revoked, put to OpenSSL and to GnuTLS with each list and with OCSP, after random sequences of what may
 * happen. FC_SEED repeats a run, FC_RUNS makes it longer.
 */
const seed = Number(process.env.FC_SEED ?? randomInt(0x7fff_ffff));
const runs = Number(process.env.FC_RUNS ?? 8);

let sequence: RevocationSequence;
let responder: Server;
const path = (name: string): string => join(sequence.temporary.folder, name);
const chain = (): string[] => ['-CAfile', path('certs/root_ca.pem'), '-untrusted', path('certs/issuing_ca.pem')];

beforeAll(async () => {
  // GnuTLS goes by the real clock: ours stays behind it, and goes on by seconds.
  sequence = await RevocationSequence.open(new Date(Date.now() - 50_000), () => Promise.resolve());
  const handler = ocspHandler(
    (octets) => sequence.temporary.authority.ocsp!.answer(octets),
    () => undefined,
  );
  responder = createServer((request, response) => {
    if (!handler(request, response)) response.writeHead(404).end();
  }).listen(0, '127.0.0.1');
  await once(responder, 'listening');
});
afterAll(async () => {
  responder.close();
  await sequence.close();
});

/** All that a command says, however it ends. */
async function says(command: string, ...args: string[]): Promise<string> {
  const { stdout, stderr } = await promisify(execFile)(command, args).catch(
    (error: unknown) => error as { stdout: string; stderr: string },
  );
  return stdout + stderr;
}

async function list(issuer: string, scope: string): Promise<string> {
  const crl = sequence.temporary.authority.crls.current(issuer, scope);
  if (!crl) throw new Error(`there is no list ${scope} of ${issuer}`);
  return encodePem('X509 CRL', await readPublished(crl));
}

/** Lists of the issuing CA behind that of the root, in a file. */
async function lists(name: string, ...scopes: string[]): Promise<string> {
  const pem = [await list('root', 'complete')];
  for (const scope of scopes) pem.push(await list('issuing', scope));
  writeFileSync(path(name), pem.join(''));
  return path(name);
}

async function opensslVerify(leaf: string, crls: string, ...flags: string[]): Promise<string> {
  const at = ['-attime', String(Math.ceil(sequence.now.getTime() / 1000))];
  const text = await says('openssl', 'verify', '-crl_check_all', ...flags, ...chain(), ...at, '-CRLfile', crls, leaf);
  return text.trim() === `${leaf}: OK` ? 'good' : text.includes('certificate revoked') ? 'revoked' : text;
}

/** GnuTLS knows neither deltas nor shards: of the complete list it is asked. */
async function gnutlsVerify(crl: string): Promise<string> {
  const args = ['--verify-crl', '--load-ca-certificate', path('certs/issuing_ca.pem'), '--infile', crl];
  const text = await says('certtool', ...args);
  return text.includes('Verification output: Verified.') ? 'verified' : text;
}

/** Whether the list that certtool read has the certificate. */
async function gnutlsList(crl: string): Promise<(certificate: Certificate) => string> {
  const text = await says('certtool', '--crl-info', '--infile', crl);
  const serials = Array.from(text.matchAll(/Serial Number \(hex\): ([0-9a-f]+)/g), ([, serial = '']) => serial);
  const stripped = (serial: string): string => serial.replace(/^(00)+/, '');
  const known = new Set(serials.map(stripped));
  return ({ serialNumber }) => (known.has(stripped(serialNumber)) ? 'revoked' : 'good');
}

async function opensslOcsp(leaf: string, nonce: string): Promise<string> {
  const url = ['-url', `http://127.0.0.1:${(responder.address() as AddressInfo).port}/ocsp`, nonce];
  const trust = ['-CAfile', path('certs/root_ca.pem'), '-verify_other', path('certs/issuing_ca.pem')];
  const asked = ['-issuer', path('certs/issuing_ca.pem'), '-cert', leaf];
  const text = await says('openssl', 'ocsp', ...url, ...trust, ...asked);
  const [, status] = /\.pem: (good|revoked)/.exec(text) ?? [];
  return text.includes('Response verify OK') && status !== undefined ? status : text;
}

async function gnutlsOcsp(leaf: string): Promise<string> {
  const ask = `--ask=http://127.0.0.1:${(responder.address() as AddressInfo).port}/ocsp`;
  const issuer = path('certs/issuing_ca.pem');
  const text = await says('ocsptool', ask, '--load-cert', leaf, '--load-issuer', issuer, '--load-trust', issuer);
  const [, status] = /Certificate Status: (good|revoked)/.exec(text) ?? [];
  return text.includes('Verifying OCSP Response: Success') && status !== undefined ? status : text;
}

/** The complete lists that were the last ones at the four checks before, which somebody may keep until their end. */
const earlier: { readonly pem: string; readonly nextUpdate: Date }[] = [];

async function checkAgreement(): Promise<void> {
  const { crls } = sequence.temporary.authority;
  await crls.publishIfDue(somebody);
  const withDelta = await lists('delta.pem', 'complete', 'delta');
  const kept =
    earlier.findLast(({ nextUpdate }) => nextUpdate > sequence.now)?.pem ?? (await list('issuing', 'complete'));
  const withEarlier = path('earlier.pem');
  writeFileSync(withEarlier, (await list('root', 'complete')) + kept + (await list('issuing', 'delta')));
  const withShards = await lists('shards.pem', ...Array.from({ length: SHARDS }, (_, i) => String(i + 1)));
  await crls.sign('issuing', somebody);
  const complete = await lists('full.pem', 'complete');
  const last = await list('issuing', 'complete');
  earlier.unshift({ pem: last, nextUpdate: crls.current('issuing')!.nextUpdate });
  earlier.splice(4);
  writeFileSync(path('issuing.pem'), last);
  expect(await gnutlsVerify(path('issuing.pem'))).toBe('verified');
  const gnutls = await gnutlsList(path('issuing.pem'));
  for (const [certificate, reason] of [...sequence.expected].slice(-6)) {
    const leaf = path('leaf.pem');
    writeFileSync(leaf, encodePem('CERTIFICATE', certificate.der));
    const is = reason === undefined ? 'good' : 'revoked';
    expect({
      full: await opensslVerify(leaf, complete),
      // A certificate of a shard is in the complete list and its delta as well.
      delta: await opensslVerify(leaf, withDelta, '-use_deltas', '-extended_crl'),
      deltaOfEarlier: await opensslVerify(leaf, withEarlier, '-use_deltas', '-extended_crl'),
      shard: RevocationSequence.isSharded(certificate) ? await opensslVerify(leaf, withShards, '-extended_crl') : is,
      live: await opensslOcsp(leaf, '-nonce'),
      kept: await opensslOcsp(leaf, '-no_nonce'),
      gnutlsList: gnutls(certificate),
      gnutlsOcsp: await gnutlsOcsp(leaf),
    }).toEqual({
      ...{ full: is, delta: is, deltaOfEarlier: is, shard: is },
      ...{ live: is, kept: is, gnutlsList: is, gnutlsOcsp: is },
    });
  }
}

test(`OpenSSL and GnuTLS agree about full list, delta, shard and OCSP, after ${runs} random sequences with seed ${seed}`, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyStep(1), { minLength: 4, maxLength: 10 }), async (steps) => {
      await sequence.run({ kind: 'issue', sharded: false });
      for (const step of steps) await sequence.run(step);
      await checkAgreement();
    }),
    // The store remembers: a smaller sequence would not be the same.
    { seed, numRuns: runs, endOnFailure: true },
  );
}, 600_000);
