import { text } from './setting.js';

/** The URL at which clients reach a repository. It is not https, because checking the server's certificate would need the list that is fetched (RFC 5280 §8). */
export const publicationUrl = () =>
  text(
    'an http URL without user, query, fragment and trailing slash',
    /^http:\/\/[^\s/@?#]+(?:\/[^\s@?#]*[^\s/@?#])?$/,
  ).refine((url) => URL.canParse(url), 'an http URL');
