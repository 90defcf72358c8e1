import { hash } from 'node:crypto';
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
  if (isUnchanged(request, etag)) return reply.code(304).send();
  return reply.type(type).send(typeof document === 'string' ? document : Buffer.from(document));
}

/** RFC 9110 §13.2.2: If-None-Match, and only without it If-Modified-Since. */
export function isUnchanged({ headers }: FastifyRequest, etag: string, lastModified?: Date): boolean {
  const tags = headers['if-none-match'];
  if (tags !== undefined)
    return tags.trim() === '*' || tags.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag);
  const since = Date.parse(headers['if-modified-since'] ?? '');
  return lastModified !== undefined && since >= lastModified.getTime();
}
