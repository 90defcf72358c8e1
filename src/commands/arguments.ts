import { InvalidArgumentError } from 'commander';
import { parseDuration } from '../configuration/index.js';
import { generalNameFromString, subtreeFromString, type GeneralName } from '../x509/index.js';

/** `DNS:worker.local`, `IP:10.0.0.7` or `URI:spiffe://example.org/worker`, added to the earlier ones. */
export function nameArgument(text: string, before: readonly GeneralName[] = []): GeneralName[] {
  const name = generalNameFromString(text);
  if (!name) throw new InvalidArgumentError('write DNS:name, IP:address or URI:uri.');
  return [...before, name];
}

/** A base of name constraints (RFC 5280 §4.2.1.10), `DNS:example.org`, `IP:10.0.0.0/8` or `URI:.example.org`, added to the earlier ones. */
export function subtreeArgument(text: string, before: readonly GeneralName[] = []): GeneralName[] {
  const base = subtreeFromString(text);
  if (!base) throw new InvalidArgumentError('write DNS:domain, IP:prefix or URI:host.');
  return [...before, base];
}

/** A whole number from 0 to 8. */
export function pathLengthArgument(text: string): number {
  if (!/^[0-8]$/.test(text)) throw new InvalidArgumentError('write a whole number from 0 to 8.');
  return Number(text);
}

/** `90s`, `15m`, `24h`, `30d` or plain seconds. Gives seconds. */
export function lifetimeArgument(text: string): number {
  const seconds = parseDuration(text, 's');
  if (seconds === undefined || seconds < 1) throw new InvalidArgumentError('write 24h, 30d, 15m or seconds.');
  return seconds;
}

/** A length of time from now, as {@link lifetimeArgument} reads it, a day (from midnight UTC), or a time as RFC 3339 has it. Gives the date. */
export const dateArgument = (text: string): Date => dateOf(text, 1);

/** As {@link dateArgument}, but a length of time counts back from now: `30d` is thirty days ago. */
export const sinceArgument = (text: string): Date => dateOf(text, -1);

// Without its zone a time would be another one on each machine.
const DATE = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d))?$/;

function dateOf(text: string, direction: 1 | -1): Date {
  const isLength = /^\d+[smhd]?$/.test(text);
  const date = isLength ? new Date(Date.now() + direction * lifetimeArgument(text) * 1000) : new Date(text);
  if ((!isLength && !(DATE.test(text) && isDay(text.slice(0, 10)))) || Number.isNaN(date.getTime()))
    throw new InvalidArgumentError('write 30d, 24h, or a date such as 2027-01-31 or 2027-01-31T08:00:00Z.');
  return date;
}

/** Whether the day exists: JavaScript takes 31 February for 3 March. */
function isDay(text: string): boolean {
  const day = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(day.getTime()) && day.toISOString().startsWith(text);
}

/** A share of a whole: a decimal fraction from 0.1 to 0.9. */
export function shareArgument(text: string): number {
  const share = /^0\.\d{1,6}$/.test(text) ? Number(text) : Number.NaN;
  if (!(share >= 0.1 && share <= 0.9)) throw new InvalidArgumentError('write a fraction from 0.1 to 0.9.');
  return share;
}

/** The address of a service: https, without user, query or fragment. */
export function serviceUrlArgument(text: string): URL {
  const url = URL.parse(text);
  if (url?.protocol !== 'https:' || url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '')
    throw new InvalidArgumentError('write https://host:port.');
  return url;
}

/** A whole number from 1 to 9999999. */
export function countArgument(text: string): number {
  if (!/^[1-9]\d{0,6}$/.test(text)) throw new InvalidArgumentError('write a whole number from 1 to 9999999.');
  return Number(text);
}

/** The version of an entry: a whole number from 0 to 9999999999. */
export function expectedVersionArgument(text: string): number {
  if (!/^(?:0|[1-9]\d{0,9})$/.test(text)) throw new InvalidArgumentError('write a whole number from 0 to 9999999999.');
  return Number(text);
}

/** Text, added to the earlier ones. */
export const textsArgument = (text: string, before: readonly string[] = []): string[] => [...before, text];

/** The http or https URL of an OCSP responder. */
export function responderUrlArgument(text: string): URL {
  const url = URL.parse(text);
  if (!url || !['http:', 'https:'].includes(url.protocol) || url.username !== '' || url.password !== '')
    throw new InvalidArgumentError('write an http URL, such as http://localhost:5080/ocsp.');
  return url;
}

/** The path that a server is asked for, with or without a query (RFC 9112 §3.2.1). */
export function pathArgument(text: string): string {
  if (!/^\/[\x21-\x7e]*$/.test(text)) throw new InvalidArgumentError('write /path.');
  return text;
}

/** `host:port` or `[2001:db8::1]:port`, with or without `https://` in front. */
export function endpointArgument(text: string): { readonly host: string; readonly port: number } {
  const url = URL.parse(text.startsWith('https://') ? text : `https://${text}`);
  if (url?.href !== `${url?.origin}/`) throw new InvalidArgumentError('write host:port.');
  return { host: url.hostname.replace(/^\[(.*)\]$/, '$1'), port: url.port === '' ? 443 : Number(url.port) };
}
