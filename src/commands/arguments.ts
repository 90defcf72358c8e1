import { InvalidArgumentError } from 'commander';

/** A subject alternative name as it is typed; `value` is not proven yet. */
export interface TypedName {
  readonly kind: 'dns' | 'ip' | 'uri';
  readonly value: string;
}

const NAME_KINDS = { DNS: 'dns', IP: 'ip', URI: 'uri' } as const;
const SECONDS = { s: 1, m: 60, h: 3600, d: 86_400 } as const;

/** `DNS:worker.local`, `IP:10.0.0.7`, `URI:spiffe://example.org/worker`, added to those before. */
export function nameArgument(text: string, before: readonly TypedName[] = []): TypedName[] {
  const [, kind = '', value = ''] = /^(DNS|IP|URI):(.+)$/s.exec(text) ?? [];
  if (!isNameKind(kind)) throw new InvalidArgumentError('write DNS:name, IP:address or URI:uri.');
  return [...before, { kind: NAME_KINDS[kind], value }];
}

const isNameKind = (text: string): text is keyof typeof NAME_KINDS => Object.hasOwn(NAME_KINDS, text);

/** `90s`, `15m`, `24h`, `30d` or plain seconds, as seconds. */
export function lifetimeArgument(text: string): number {
  const [, digits, unit = 's'] = /^(\d{1,10})([smhd])?$/.exec(text) ?? [];
  const seconds = Number(digits) * SECONDS[unit as keyof typeof SECONDS];
  if (!Number.isSafeInteger(seconds) || seconds < 1) throw new InvalidArgumentError('write 24h, 30d, 15m or seconds.');
  return seconds;
}

/** A length of time from now, as {@link lifetimeArgument}, or a date. Gives the date. */
export function dateArgument(text: string): Date {
  if (/^\d+[smhd]?$/.test(text)) return new Date(Date.now() + lifetimeArgument(text) * 1000);
  const date = new Date(text);
  if (!/^\d{4}-\d\d-\d\d/.test(text) || Number.isNaN(date.getTime()))
    throw new InvalidArgumentError('write 30d, 24h or a date such as 2027-01-31.');
  return date;
}

/** A serial number as OpenSSL, browsers and this product write it, in lower-case hexadecimal without leading zero octets. */
export function serialArgument(text: string): string {
  const digits = text.replace(/^0x/i, '').replaceAll(':', '').toLowerCase();
  const even = digits.length % 2 === 0 ? digits : `0${digits}`;
  return even.replace(/^(?:00)+(?=..)/, '');
}

/** A whole number from 1. */
export function countArgument(text: string): number {
  if (!/^[1-9]\d{0,6}$/.test(text)) throw new InvalidArgumentError('write a whole number from 1.');
  return Number(text);
}
