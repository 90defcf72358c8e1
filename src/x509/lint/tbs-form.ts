import { context, contextConstructed, DerReader, Tag } from '../../der/index.js';
import type { CertificateList } from '../certificate-list.js';
import type { Certificate } from '../certificate.js';

/** A time as it is written: its field, the identifier octet of its type, and when it is. */
export interface WrittenTime {
  readonly what: string;
  readonly tag: number;
  readonly date: Date;
}

/** How a certificate is written, where its values do not say it. */
export function certificateForm({ tbs }: Certificate): {
  readonly times: readonly WrittenTime[];
  readonly hasUniqueIdentifier: boolean;
} {
  const fields = new DerReader(tbs).enter(Tag.SEQUENCE, 'tbsCertificate');
  if (fields.has(contextConstructed(0))) fields.element('version');
  for (const what of ['serialNumber', 'signature', 'issuer']) fields.element(what);
  const validity = fields.enter(Tag.SEQUENCE, 'validity');
  const times = ['notBefore', 'notAfter'].map((what) => readTime(validity, what));
  for (const what of ['subject', 'subjectPublicKeyInfo']) fields.element(what);
  return { times, hasUniqueIdentifier: fields.has(context(1)) || fields.has(context(2)) };
}

/** How a CRL is written, where its values do not say it. `entries`: the contents of revokedCertificates; undefined when it is absent. */
export function crlForm({ tbs }: CertificateList): {
  readonly times: readonly WrittenTime[];
  readonly entries: DerReader | undefined;
} {
  const fields = new DerReader(tbs).enter(Tag.SEQUENCE, 'tbsCertList');
  if (fields.has(Tag.INTEGER)) fields.element('version');
  for (const what of ['signature', 'issuer']) fields.element(what);
  const times = [readTime(fields, 'thisUpdate')];
  if (fields.has(Tag.UTC_TIME) || fields.has(Tag.GENERALIZED_TIME)) times.push(readTime(fields, 'nextUpdate'));
  return { times, entries: fields.enterIf(Tag.SEQUENCE, 'revokedCertificates') };
}

/** Reads a time with the type that it is written in. Throws DecodeError. */
export function readTime(reader: DerReader, what: string): WrittenTime {
  const tag = reader.peek();
  return { what, tag, date: reader.time(what) };
}

/** What is wrong with the type of a time: UTCTime until 2049, GeneralizedTime from 2050 (RFC 5280 §4.1.2.5, §5.1.2.4). */
export function timeFormProblem({ what, tag, date }: WrittenTime): string | undefined {
  const year = date.getUTCFullYear();
  const isShort = year >= 1950 && year < 2050;
  if (isShort === (tag === Tag.UTC_TIME)) return undefined;
  return `${what}, in the year ${year}, is ${isShort ? 'no UTCTime' : 'no GeneralizedTime'}`;
}
