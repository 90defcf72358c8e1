import { DerReader, Tag, timeTagOf } from '../../der/index.js';
import type { CertificateList } from '../certificate-list.js';

/** A time as encoded: the name of its field, the identifier octet of its type, and its value. */
export interface WrittenTime {
  readonly what: string;
  readonly tag: number;
  readonly date: Date;
}

/** The parts of a CRL's encoding that its decoded values do not show. `entries`: the contents of revokedCertificates; undefined when it is absent. */
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

/** Skips an element without decoding it. */
function step(reader: DerReader): void {
  reader.contents(reader.peek(), 'element');
}

/** Reads a time and the type in which it is encoded. Throws DecodeError. */
export function readTime(reader: DerReader, what: string): WrittenTime {
  const tag = reader.peek();
  return { what, tag, date: reader.time(what) };
}

/** The problem with the type of a time, or undefined: it must be UTCTime until 2049 and GeneralizedTime from 2050 (RFC 5280 §4.1.2.5, §5.1.2.4). */
export function timeFormProblem({ what, tag, date }: WrittenTime): string | undefined {
  const right = timeTagOf(date);
  if (tag === right) return undefined;
  return `${what}, in the year ${date.getUTCFullYear()}, is not of type ${right === Tag.UTC_TIME ? 'UTCTime' : 'GeneralizedTime'}`;
}
