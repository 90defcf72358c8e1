import { DerReader, Tag, timeTagOf } from '../../der/index.js';
import type { CertificateList } from '../certificate-list.js';

/** A time as it is written: its field, the identifier octet of its type, and when it is. */
export interface WrittenTime {
  readonly what: string;
  readonly tag: number;
  readonly date: Date;
}

/** How a CRL is written, where its values do not say it. `entries`: the contents of revokedCertificates; undefined when it is absent. */
export function crlForm({ tbs }: CertificateList): {
  readonly times: readonly WrittenTime[];
  readonly entries: DerReader | undefined;
} {
  const fields = new DerReader(tbs).enter(Tag.SEQUENCE, 'tbsCertList');
  if (fields.has(Tag.INTEGER)) step(fields);
  // signature, issuer
  for (let i = 0; i < 2; i++) step(fields);
  const times = [readTime(fields, 'thisUpdate')];
  if (fields.has(Tag.UTC_TIME) || fields.has(Tag.GENERALIZED_TIME)) times.push(readTime(fields, 'nextUpdate'));
  return { times, entries: fields.enterIf(Tag.SEQUENCE, 'revokedCertificates') };
}

/** Steps over an element without looking into it. */
function step(reader: DerReader): void {
  reader.contents(reader.peek(), 'element');
}

/** Reads a time with the type that it is written in. Throws DecodeError. */
export function readTime(reader: DerReader, what: string): WrittenTime {
  const tag = reader.peek();
  return { what, tag, date: reader.time(what) };
}

/** What is wrong with the type of a time: UTCTime until 2049, GeneralizedTime from 2050 (RFC 5280 §4.1.2.5, §5.1.2.4). */
export function timeFormProblem({ what, tag, date }: WrittenTime): string | undefined {
  const right = timeTagOf(date);
  if (tag === right) return undefined;
  return `${what}, in the year ${date.getUTCFullYear()}, is no ${right === Tag.UTC_TIME ? 'UTCTime' : 'GeneralizedTime'}`;
}
