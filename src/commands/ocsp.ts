import { randomBytes } from 'node:crypto';
import { replaceFile, signerOf, type Authority, type CertificationAuthority } from '../pki/index.js';
import {
  certIdOf,
  CrlReason,
  decodeOcspResponse,
  encodeOcspRequest,
  MAX_OCSP_RESPONSE_OCTETS,
  verifyOcspResponse,
  type Certificate,
} from '../x509/index.js';
import { CommandError, messageOf, networkReasonOf } from './command-error.js';
import { ExitCode } from './exit-code.js';
import { checkOutputFile, readCertificate, serialNumberOf, statsOf } from './files.js';
import { describePairs } from './output.js';
import { configurationOf, withAuthority, type Session } from './session.js';

/** The flags of `veritas ocsp`. */
export interface OcspOptions {
  readonly url?: URL;
  readonly out?: string;
}

const NONCE_OCTETS = 32;
const TIMEOUT_MS = 10_000;

/**
 * `veritas ocsp`: what the OCSP responder says about a certificate of this CA. The responder is the one here, which signs now, or with `--url` one
 * that is running. The answer is verified as a client would verify it. Throws CommandError `refused` when it is not good.
 */
export async function ocsp(session: Session, target: string, options: OcspOptions): Promise<void> {
  const isFile = target === '-' || statsOf(target) !== undefined;
  const certificate = isFile ? await readCertificate(target, session) : undefined;
  const serialNumber = certificate?.serialNumber ?? serialNumberOf(target);
  checkOutputFile(options.out, configurationOf(session), isFile ? [target] : []);
  await withAuthority(session, {}, async (authority) => {
    const issuer = await issuerOf(authority, serialNumber, certificate);
    // A response that is kept in a file for stapling answers nobody's nonce.
    const nonce = options.out === undefined ? randomBytes(NONCE_OCTETS) : undefined;
    const request = encodeOcspRequest([certIdOf(issuer.certificate, serialNumber)], nonce);
    const octets = options.url ? await ask(options.url, request) : await answer(authority, request);
    const verdict = verifyOcspResponse(readResponse(octets), {
      issuer: issuer.certificate,
      serialNumber,
      nonce,
      time: session.now(),
    });
    if (!verdict.ok)
      throw new CommandError(
        `the answer is not used: ${verdict.why}`,
        ExitCode.unusable,
        'look at the responder and at the clock',
      );
    if (options.out !== undefined) replaceFile(options.out, octets, 0o644);
    report(session, { serialNumber, issuer }, verdict);
    const { status } = verdict.certStatus;
    if (status !== 'good')
      throw new CommandError(`${serialNumber} is ${status}`, ExitCode.refused, 'it should not be relied on');
  });
}

function report(
  { output }: Session,
  { serialNumber, issuer }: { readonly serialNumber: string; readonly issuer: Authority },
  { certStatus, response }: Extract<ReturnType<typeof verifyOcspResponse>, { ok: true }>,
): void {
  const revokedAt = certStatus.status === 'revoked' ? certStatus.revocationTime.toISOString() : undefined;
  const reason = certStatus.status === 'revoked' ? reasonName(certStatus.reason) : undefined;
  const [thisUpdate, nextUpdate] = [response.thisUpdate.toISOString(), response.nextUpdate?.toISOString() ?? ''];
  output.result(
    {
      serial_number: serialNumber,
      issuer: issuer.id,
      status: certStatus.status,
      ...(revokedAt === undefined ? {} : { revoked_at: revokedAt, reason }),
      this_update: thisUpdate,
      next_update: nextUpdate,
    },
    describePairs([
      ['Serial number', serialNumber],
      ['Status', revokedAt === undefined ? certStatus.status : `revoked on ${revokedAt} (${reason ?? ''})`],
      ['As of', thisUpdate],
      ['Until', nextUpdate],
    ]),
  );
}

/** The CA that issued the number; when none did, the CA that issues now. A certificate from a file must be the one with that number. */
async function issuerOf(
  { ca }: CertificationAuthority,
  serialNumber: string,
  certificate: Certificate | undefined,
): Promise<Authority> {
  const row = await ca.find(serialNumber);
  // A certificate that was issued after the backup from which the store was restored has no row: whoever signed it issued it.
  const signer = certificate && !row ? signerOf(certificate, ca.authorities) : undefined;
  if (signer) return signer;
  if (certificate && row?.fingerprint !== certificate.fingerprint256)
    throw new CommandError(
      'the certificate was not issued by this CA',
      ExitCode.refused,
      'ask the CA that issued it, for example with openssl ocsp',
    );
  return ca.authorities.find(({ id }) => id === row?.issuer) ?? ca.issuing;
}

/** The answer of the responder here. Throws CommandError, and what kept it from answering: the answer itself says nothing of that. */
async function answer({ ocsp: responder, events }: CertificationAuthority, request: Uint8Array): Promise<Uint8Array> {
  if (!responder)
    throw new CommandError(
      'OCSP is not answered here',
      ExitCode.unusable,
      'set pki.ocsp, or name a responder by --url',
    );
  const causes: unknown[] = [];
  events.on('background.failed', ({ error }) => causes.push(error));
  const { der } = await responder.answer(request);
  if (causes.length > 0 && !decodeOcspResponse(der).basic) throw causes[0];
  return der;
}

/** Asks a responder over HTTP. Throws CommandError. */
async function ask(url: URL, request: Uint8Array): Promise<Uint8Array> {
  const unusable = (why: string): CommandError =>
    new CommandError(`${url.href} ${why}`, ExitCode.unusable, 'look whether --url names an OCSP responder');
  let response: Response;
  try {
    response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/ocsp-request' },
      body: Uint8Array.from(request),
      redirect: 'error',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    if (response.status !== 200) throw unusable(`answers with status ${response.status}`);
    const chunks: Uint8Array[] = [];
    let length = 0;
    for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
      chunks.push(chunk);
      length += chunk.length;
      if (length > MAX_OCSP_RESPONSE_OCTETS) throw unusable('sends more than an OCSP response may have');
    }
    return Buffer.concat(chunks);
  } catch (error) {
    if (error instanceof CommandError) throw error;
    throw unusable(`cannot be asked (${networkReasonOf(error)})`);
  }
}

function readResponse(octets: Uint8Array): ReturnType<typeof decodeOcspResponse> {
  try {
    return decodeOcspResponse(octets);
  } catch (error) {
    throw new CommandError(
      `the answer is not an OCSP response (${messageOf(error)})`,
      ExitCode.unusable,
      'look whether --url names an OCSP responder',
    );
  }
}

const reasonName = (reason: number | undefined): string =>
  Object.entries(CrlReason).find(([, number]) => number === reason)?.[0] ?? 'unspecified';
