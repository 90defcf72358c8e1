import { hash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';

/** The longest time, in seconds, that caches may keep a document. Documents may be replaced at any time, and clients should see that soon. */
export const LONGEST_AGE = 300;

/**
 * Sends a small document of media type `type` with headers for caches (RFC 9110, RFC 9111). The ETag is the document's digest. Conditional requests
 * are answered.
 */
export function sendDocument(
  request: FastifyRequest,
  reply: FastifyReply,
  type: string,
  document: string | Uint8Array,
): FastifyReply {
  const etag = `"${hash('sha256', document).slice(0, 32)}"`;
  reply.header('etag', etag).header('cache-control', `public, max-age=${LONGEST_AGE}`);
  const answered = answeredByCondition(request, reply, { etag });
  if (answered) return answered;
  return reply.type(type).send(Buffer.from(document));
}

/** The validators of a document (RFC 9110 §8.8). */
export interface Validators {
  readonly etag: string;
  readonly lastModified?: Date | undefined;
}

/** Answers with 412 or 304 if the conditions of the request say so (RFC 9110 §13.2.2). Otherwise returns undefined and sends nothing. */
export function answeredByCondition(
  request: FastifyRequest,
  reply: FastifyReply,
  validators: Validators,
): FastifyReply | undefined {
  if (isAnother(request, validators)) return forThisClientAlone(reply.code(412)).send();
  if (!isUnchanged(request, validators)) return undefined;
  reply.code(304).removeHeader('content-type');
  // An empty stream, because without a body Fastify would send `content-length: 0` for HEAD, which is wrong (§8.6).
  return request.method === 'HEAD' ? reply.send(Readable.from([])) : reply.send();
}

/** Marks an error as not cacheable: a cache would also return it to clients that sent other conditions. */
export function forThisClientAlone(reply: FastifyReply): FastifyReply {
  return reply.removeHeader('expires').removeHeader('content-type').header('cache-control', 'no-store');
}

/**
 * Whether a client wants another document than there is: 412. If-Match, by strong comparison (RFC 9110 §13.1.1). If-Unmodified-Since counts only without
 * If-Match.
 */
export function isAnother({ headers }: Pick<IncomingMessage, 'headers'>, { etag, lastModified }: Validators): boolean {
  const tags = headers['if-match'];
  if (tags !== undefined) return tags !== '*' && !listOf(tags).includes(etag);
  const since = timeFrom(headers['if-unmodified-since']);
  return lastModified !== undefined && since < lastModified.getTime();
}

/** Whether a client has the document already: 304. If-None-Match, by weak comparison (§13.1.2). If-Modified-Since counts only without If-None-Match. */
export function isUnchanged(
  { headers }: Pick<IncomingMessage, 'headers'>,
  { etag, lastModified }: Validators,
): boolean {
  const tags = headers['if-none-match'];
  if (tags !== undefined) return tags === '*' || listOf(tags).some((tag) => tag.replace(/^W\//, '') === etag);
  const since = timeFrom(headers['if-modified-since']);
  return lastModified !== undefined && since >= lastModified.getTime();
}

const listOf = (tags: string): string[] => tags.split(',').map((tag) => tag.trim());

const HTTP_DATES = [
  /^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/,
  /^\w+, \d\d-\w{3}-\d\d \d\d:\d\d:\d\d GMT$/,
  /^\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}$/,
];

/** Milliseconds since 1970. NaN for what has none of the three forms of an HTTP-date (RFC 9110 §5.6.7), and is therefore ignored. */
function timeFrom(date: string | undefined): number {
  if (date === undefined || !HTTP_DATES.some((form) => form.test(date))) return Number.NaN;
  // The third form is in UTC too and does not say so.
  return Date.parse(date.endsWith('GMT') ? date : `${date} GMT`);
}
