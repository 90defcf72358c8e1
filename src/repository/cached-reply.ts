import { hash } from 'node:crypto';
import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';

/** What is published may be replaced at any time; nobody should miss that for long. Seconds. */
export const LONGEST_AGE = 300;

/** Answers a request for a small document as `type`, with what caches need (RFC 9110, RFC 9111): its validator is its digest. */
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
  return reply.type(type).send(typeof document === 'string' ? document : Buffer.from(document));
}

/** What a client may have of a document from before. */
export interface Validators {
  readonly etag: string;
  readonly lastModified?: Date | undefined;
}

/** Answers 412 or 304 where a condition of the request has it so (RFC 9110 §13.2.2); else undefined, and nothing is answered. */
export function answeredByCondition(
  request: FastifyRequest,
  reply: FastifyReply,
  validators: Validators,
): FastifyReply | undefined {
  if (isAnother(request, validators)) return forThisClientAlone(reply.code(412)).send();
  if (!isUnchanged(request, validators)) return undefined;
  reply.code(304).removeHeader('content-type');
  // Sent without any to HEAD, the length of the document would be said to be 0 (§8.6).
  return request.method === 'HEAD' ? reply.send(Readable.from([])) : reply.send();
}

/** A cache would give the next one, who did not ask for the same, the same answer. */
export function forThisClientAlone(reply: FastifyReply): FastifyReply {
  return reply.removeHeader('expires').removeHeader('content-type').header('cache-control', 'no-store');
}

/** If-Match, by strong comparison (§13.1.1), and only without it If-Unmodified-Since. */
function isAnother({ headers }: FastifyRequest, { etag, lastModified }: Validators): boolean {
  const tags = headers['if-match'];
  if (tags !== undefined) return tags.trim() !== '*' && !listOf(tags).includes(etag);
  const since = Date.parse(headers['if-unmodified-since'] ?? '');
  return lastModified !== undefined && since < lastModified.getTime();
}

/** If-None-Match, by weak comparison (§13.1.2), and only without it If-Modified-Since. */
function isUnchanged({ headers }: FastifyRequest, { etag, lastModified }: Validators): boolean {
  const tags = headers['if-none-match'];
  if (tags !== undefined) return tags.trim() === '*' || listOf(tags).some((tag) => tag.replace(/^W\//, '') === etag);
  const since = Date.parse(headers['if-modified-since'] ?? '');
  return lastModified !== undefined && since >= lastModified.getTime();
}

const listOf = (tags: string): string[] => tags.split(',').map((tag) => tag.trim());
