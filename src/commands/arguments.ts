import { InvalidArgumentError } from 'commander';
import { parseDuration } from '../configuration/index.js';
import { generalNameFromString, type GeneralName } from '../x509/index.js';

/** `DNS:worker.local`, `IP:10.0.0.7`, `URI:spiffe://example.org/worker`, added to those before. */
export function nameArgument(text: string, before: readonly GeneralName[] = []): GeneralName[] {
  const name = generalNameFromString(text);
  if (!name) throw new InvalidArgumentError('write DNS:name, IP:address or URI:uri.');
  return [...before, name];
}

/** `90s`, `15m`, `24h`, `30d` or plain seconds, as seconds. */
export function lifetimeArgument(text: string): number {
  const seconds = parseDuration(text, 's');
  if (seconds === undefined || seconds < 1) throw new InvalidArgumentError('write 24h, 30d, 15m or seconds.');
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

/** A whole number from 1. */
export function countArgument(text: string): number {
  if (!/^[1-9]\d{0,6}$/.test(text)) throw new InvalidArgumentError('write a whole number from 1.');
  return Number(text);
}
