import type { IncomingHttpHeaders } from 'node:http';
import type { Expected } from '../registry/index.js';
import { MalformedRequest } from './malformed-request.js';

/** The entity tag (RFC 9110 §8.8.3) of an entry's version. */
export const entityTagOf = (version: number): string => `"${version}"`;

/**
 * What `If-Match` and `If-None-Match: *` ask for (RFC 9110 §13.1); undefined when neither is there. Throws MalformedRequest for an `If-Match` that is
 * neither `*` nor a list of entity tags, and for an `If-None-Match` with tags, which makes no sense for a change.
 */
export function expectedIn(headers: IncomingHttpHeaders): Expected | undefined {
  const { 'if-match': match, 'if-none-match': noneMatch } = headers;
  if (noneMatch !== undefined && noneMatch.trim() !== '*') throw new MalformedRequest('If-None-Match may only be *');
  if (match === undefined) return noneMatch === undefined ? undefined : 'absent';
  const matching = match.trim() === '*' ? 'present' : versionsIn(match);
  // Both must hold (§13.2.2), and there is no version of what is not there.
  return noneMatch === undefined ? matching : [];
}

/**
 * Whether the caller of a GET says by `If-None-Match` that it has this version (RFC 9110 §13.1.2). Throws MalformedRequest for what is neither `*` nor a
 * list of entity tags.
 */
export function isKnown({ 'if-none-match': text }: IncomingHttpHeaders, version: number): boolean {
  if (text === undefined) return false;
  // By weak comparison (§8.8.3.2).
  return (
    text.trim() === '*' || tagsIn('If-None-Match', text).some((tag) => tag.replace('W/', '') === entityTagOf(version))
  );
}

/** Weak tags, and tags that are not ours, match no version. */
const versionsIn = (text: string): number[] =>
  tagsIn('If-Match', text).flatMap((tag) => {
    const version = /^"(0|[1-9]\d{0,14})"$/.exec(tag)?.[1];
    return version === undefined ? [] : [Number(version)];
  });

function tagsIn(name: string, text: string): string[] {
  // A tag may hold commas (§8.8.3), and a list may have empty elements (§5.6.1.2).
  const tags = (text.match(/(?:[^",]|"[^"]*"?)+/g) ?? []).map((tag) => tag.trim()).filter((tag) => tag !== '');
  if (tags.length === 0 || tags.some((tag) => !/^(?:W\/)?"[\x21\x23-\x7e]*"$/.test(tag)))
    throw new MalformedRequest(`${name} must be * or a list of entity tags`);
  return tags;
}
