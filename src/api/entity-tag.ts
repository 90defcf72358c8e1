import type { IncomingHttpHeaders } from 'node:http';
import type { Expected } from '../registry/index.js';
import { MalformedRequest } from './malformed-request.js';

/** The entity tag (RFC 9110 §8.8.3) of an entry's version. */
export const entityTagOf = (version: number): string => `"${version}"`;

/**
 * What `If-Match` or `If-None-Match: *` ask for (RFC 9110 §13.1); undefined when neither is there. Throws MalformedRequest for an `If-Match` that is
 * neither `*` nor a list of entity tags, and for an `If-None-Match` with tags, which makes no sense for a change.
 */
export function expectedIn(headers: IncomingHttpHeaders): Expected | undefined {
  const match = headers['if-match'];
  if (match !== undefined) return match.trim() === '*' ? 'present' : versionsIn(match);
  const noneMatch = headers['if-none-match'];
  if (noneMatch === undefined) return undefined;
  if (noneMatch.trim() !== '*') throw new MalformedRequest('If-None-Match may only be *');
  return 'absent';
}

/** Weak tags, and tags that are not ours, match no version. */
function versionsIn(text: string): number[] {
  const tags = text.split(',').map((tag) => tag.trim());
  if (tags.some((tag) => !/^(?:W\/)?"[\x21\x23-\x7e]*"$/.test(tag)))
    throw new MalformedRequest('If-Match must be * or a list of entity tags');
  return tags.flatMap((tag) => {
    const version = /^"(0|[1-9]\d{0,14})"$/.exec(tag)?.[1];
    return version === undefined ? [] : [Number(version)];
  });
}
