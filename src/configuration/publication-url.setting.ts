import { text } from './setting.js';

/** Where clients reach a repository: not https, since fetching a list would need the list (RFC 5280 §8). */
export const publicationUrl = () =>
  text(
    'an http URL without user, query, fragment and trailing slash',
    /^http:\/\/[^\s/@?#]+(?:\/[^\s@?#]*[^\s/@?#])?$/,
  ).refine((url) => URL.canParse(url), 'an http URL');
