import { randomInt } from 'node:crypto';
import { constants, setPriority } from 'node:os';
import { parentPort } from 'node:worker_threads';
// Not by the index of the room: all of it takes longer to load than a list to read.
import { decodeCertificate } from '../x509/certificate.js';
import { indexCrl } from '../x509/crl-index.js';
import type { CrlFailure, CrlRequest, CrlResponse } from './crl-protocol.js';

/*
 * The thread that reads large lists: what takes a quarter of a second there, the event loop of the service does not feel. Whoever waits for an answer to a
 * request comes first where they have to share a core.
 */

// Elsewhere than on Linux it would be the priority of the whole process.
if (process.platform === 'linux')
  try {
    setPriority(constants.priority.PRIORITY_LOW);
  } catch {
    // Then it is one of several.
  }

function memoryFrom(before: SharedArrayBuffer | undefined, octets: number): SharedArrayBuffer {
  if (before === undefined || before.byteLength < octets) return new SharedArrayBuffer(Math.ceil(octets * 1.125));
  new Uint8Array(before).fill(0);
  return before;
}

async function read({ id, octets, table, issuers: certificates, now }: CrlRequest): Promise<CrlResponse> {
  const issuers = certificates.map(decodeCertificate);
  const { list, issuer, revoked } = await indexCrl(octets, {
    issuers,
    now: new Date(now),
    seed: randomInt(0x1_0000_0000),
    allocate: (size) => memoryFrom(table, size),
  });
  // PEM was longer.
  if (list.der !== octets) octets.set(list.der);
  return { id, length: list.der.length, issuer: issuers.indexOf(issuer), table: revoked.table };
}

function failureOf(error: unknown): CrlFailure {
  const { name, message, problem, offset } = error as Error & { readonly problem?: unknown; readonly offset?: unknown };
  return typeof offset === 'number' ? { name, message: String(problem), offset } : { name, message, offset: undefined };
}

let last = Promise.resolve();
parentPort?.on('message', (request: CrlRequest) => {
  last = last
    .then(() => read(request))
    .catch((error: unknown): CrlResponse => ({ id: request.id, failure: failureOf(error) }))
    .then((response) => {
      parentPort?.postMessage(response);
    });
});
