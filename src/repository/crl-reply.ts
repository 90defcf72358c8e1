import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { answeredByCondition, forThisClientAlone, LONGEST_AGE } from './cached-reply.js';
import { compressedFor } from './compressed-crl.js';
import type { Failed } from './failure-log.js';
import type { ServedCrl } from './published.js';

/**
 * Answers a request for a CRL (RFC 9110, RFC 9111): the whole list, the one requested range, or 304, 412 or 416. Caches may keep the list for up to
 * five minutes, and never past its nextUpdate. The octets are streamed. A small list is sent with gzip to clients that accept it, under an ETag of
 * its own (§8.8.3). `failed` hears why an answer ended that had begun.
 */
export async function sendCrl(
  request: FastifyRequest,
  reply: FastifyReply,
  crl: ServedCrl,
  failed: Failed,
): Promise<FastifyReply> {
  const { nextUpdate, octets } = crl;
  const { headers } = request;
  // A range refers to the uncompressed list.
  const packed = headers.range === undefined ? await compressedFor(headers['accept-encoding'], crl) : undefined;
  const etag = `"${crl.sha256.slice(0, 32)}${packed ? '-gzip' : ''}"`;
  const now = Date.now();
  const seconds = Math.max(0, Math.floor((nextUpdate.getTime() - now) / 1000));
  // Another node's clock may be ahead: no time in the future is told (RFC 9110 §8.8.2.1).
  const lastModified = crl.lastModified && crl.lastModified.getTime() <= now ? crl.lastModified : undefined;
  reply
    .header('etag', etag)
    .header('expires', nextUpdate.toUTCString())
    .header('cache-control', `public, max-age=${Math.min(seconds, LONGEST_AGE)}`)
    .header('accept-ranges', 'bytes')
    .header('vary', 'accept-encoding')
    // RFC 2585 §4.2.
    .type('application/pkix-crl');
  if (lastModified) reply.header('last-modified', lastModified.toUTCString());
  const answered = answeredByCondition(request, reply, { etag, lastModified });
  if (answered) return answered;
  if (packed) return reply.header('content-encoding', 'gzip').send(packed);
  const range = isRangeWanted(request, etag, lastModified) ? rangeOf(request.headers.range, octets) : undefined;
  if (range === 'unsatisfiable')
    return forThisClientAlone(reply.code(416)).header('content-range', `bytes */${octets}`).send();
  const { start, end } = range ?? { start: 0, end: octets };
  if (range) reply.code(206).header('content-range', `bytes ${start}-${end - 1}/${octets}`);
  reply.header('content-length', end - start);
  // An empty stream: without a body Fastify would send `content-length: 0`.
  if (request.method === 'HEAD') return reply.send(Readable.from([]));
  const octetsRead = Readable.from(crl.read(start, end), { objectMode: false });
  octetsRead.on('error', (error) => {
    // Before that the error handler hears of it.
    if (reply.raw.headersSent) failed(error, request.id);
  });
  return reply.send(octetsRead);
}

/** Whether the range counts: it is ignored for other methods than GET, and when If-Range has another validator (RFC 9110 §13.1.5). */
function isRangeWanted({ headers, method }: FastifyRequest, etag: string, lastModified: Date | undefined): boolean {
  if (method !== 'GET') return false;
  const condition = headers['if-range'];
  return condition === undefined || condition === etag || condition === lastModified?.toUTCString();
}

/** The only range of `bytes=…`. Undefined when the header is malformed or has several ranges: then the whole list is sent (RFC 9110 §14.2). */
function rangeOf(
  header: string | undefined,
  length: number,
): { readonly start: number; readonly end: number } | 'unsatisfiable' | undefined {
  const [, first = '', last = ''] = /^bytes=(\d*)-(\d*)$/.exec(header ?? '') ?? [];
  if (first === '' && last === '') return undefined;
  if (first === '') {
    const suffix = Number(last);
    return suffix === 0 ? 'unsatisfiable' : { start: Math.max(0, length - suffix), end: length };
  }
  const start = Number(first);
  if (last !== '' && Number(last) < start) return undefined;
  if (start >= length) return 'unsatisfiable';
  return { start, end: last === '' ? length : Math.min(length, Number(last) + 1) };
}
