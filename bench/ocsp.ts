// OCSP answers a second, kept and signed, over GET and POST, beside a bare node:http answer of the same size, `openssl ocsp -port`, and what bounds
// the signed ones: signatures.
import { generateKeyPairSync, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  certIdOf,
  decodeCertificate,
  decodeOcspRequest,
  decodePem,
  encodeOcspRequest,
  type CertId,
} from '../src/x509/index.js';
import { startOcspLoadMaker } from './support/load-maker.js';
import { materialFolder } from './support/material.js';
import { startOpensslResponder } from './support/openssl-responder.js';
import { reportRounds, say } from './support/report.js';
import { startSubject, type Subject } from './support/subject.js';

const ROUNDS = 25;
const MILLISECONDS = 250;
const CONNECTIONS = 16;
const NONCE_OCTETS = 32;
const SIGNATURES = 'P-256 signatures';

const folder = await materialFolder();
const [leaf, issuer] = decodePem(readFileSync(join(folder, 'certs/client_cert.pem'))).map(({ octets }) =>
  decodeCertificate(octets),
);
if (!leaf || !issuer) throw new Error('client_cert.pem does not hold two certificates');
const certId = certIdOf(issuer, leaf.serialNumber);
const veritas = await startSubject('veritas', 'repository', folder);
const answer = await fetch(`http://127.0.0.1:${veritas.port}/ocsp`, {
  method: 'POST',
  headers: { 'content-type': 'application/ocsp-request' },
  body: Buffer.from(encodeOcspRequest([certId])),
});
const { byteLength } = await answer.arrayBuffer();
const bare = await startSubject('bare node:http', 'http', folder, String(byteLength));
const openssl = await startOpensslResponder();
const load = startOcspLoadMaker();

const kept = (asked: Pick<CertId, 'der'>) => ({
  request: base64(encodeOcspRequest([asked])),
  nonceAt: 0,
  nonceOctets: 0,
});
/** The same question with a nonce, which is another one each time. */
function fresh(asked: Pick<CertId, 'der'>) {
  const octets = encodeOcspRequest([asked], Buffer.alloc(NONCE_OCTETS, 0xaa));
  const nonceAt = Buffer.from(octets).indexOf(decodeOcspRequest(octets).nonce ?? '');
  return { request: base64(octets), nonceAt, nonceOctets: NONCE_OCTETS };
}
const base64 = (octets: Uint8Array): string => Buffer.from(octets).toString('base64');

interface Case {
  readonly name: string;
  readonly subject: Subject;
  readonly round: Omit<Parameters<typeof load.measure>[1], 'milliseconds' | 'connections'>;
}
const over = (method: 'GET' | 'POST') => ({ method, keepAlive: true });
const cases: readonly Case[] = [
  { name: 'bare node:http, GET', subject: bare, round: { ...over('GET'), ...kept(certId) } },
  { name: 'bare node:http, POST', subject: bare, round: { ...over('POST'), ...kept(certId) } },
  { name: 'kept, GET', subject: veritas, round: { ...over('GET'), ...kept(certId) } },
  { name: 'kept, POST', subject: veritas, round: { ...over('POST'), ...kept(certId) } },
  { name: 'signed for a nonce, GET', subject: veritas, round: { ...over('GET'), ...fresh(certId) } },
  { name: 'signed for a nonce, POST', subject: veritas, round: { ...over('POST'), ...fresh(certId) } },
  ...(openssl
    ? [
        {
          name: 'openssl ocsp, POST',
          subject: openssl.subject,
          round: { method: 'POST' as const, keepAlive: false, ...fresh({ der: openssl.certId }) },
        },
      ]
    : []),
];

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const toBeSigned = new Uint8Array(200);
const perSecond: Record<string, number[]> = {};
const perCpuSecond: Record<string, number[]> = {};
const p99: Record<string, number[]> = {};
say(
  `ocsp: answers of ${byteLength} octets, ${CONNECTIONS} connections (openssl: one for each request), medians of ${ROUNDS} rounds of ${MILLISECONDS} ms each, lowest and highest`,
);
for (let round = -1; round < ROUNDS; round++) {
  const rate = signatureRate();
  for (const { name, subject, round: asked } of cases) {
    const measured = await load.measure(subject, { ...asked, milliseconds: MILLISECONDS, connections: CONNECTIONS });
    // The first round warms up.
    if (round < 0) continue;
    (perSecond[name] ??= []).push(measured.perSecond);
    (perCpuSecond[name] ??= []).push(measured.perCpuSecond);
    (p99[name] ??= []).push(measured.p99);
  }
  if (round >= 0) (perSecond[SIGNATURES] ??= []).push(rate);
}
const baselines = {
  'kept, GET': ['bare node:http, GET'],
  'kept, POST': ['bare node:http, POST'],
  'signed for a nonce, GET': [SIGNATURES, 'openssl ocsp, POST'],
  'signed for a nonce, POST': [SIGNATURES, 'openssl ocsp, POST'],
};
reportRounds('ocsp', 'per second', '1/s', perSecond, baselines);
reportRounds('ocsp', 'per CPU second', '1/s', perCpuSecond, baselines);
reportRounds('ocsp', 'p99', 'ms', p99, {});
load.stop();
for (const subject of [veritas, bare, openssl?.subject]) await subject?.stop();

/** Signatures a second on one core, a tenth of a second long. */
function signatureRate(): number {
  const start = performance.now();
  let count = 0;
  for (; performance.now() - start < 100; count++) sign('sha256', toBeSigned, privateKey);
  return (count / (performance.now() - start)) * 1000;
}
