import { Tag, type DerReader } from '../../der/index.js';
import { decodeExtensions, type Extension } from '../extension.js';
import { readTime, type WrittenTime } from './tbs-form.js';

/** An entry of revokedCertificates as encoded (RFC 5280 §5.1.2.6). */
export interface WrittenCrlEntry {
  /** The encoded INTEGER userCertificate. */
  readonly userCertificate: Uint8Array;
  readonly revocationDate: WrittenTime;
  readonly extensions: ReadonlyMap<string, Extension>;
}

const NO_EXTENSIONS: ReadonlyMap<string, Extension> = new Map();

/** Decodes one entry. Throws DecodeError when it is not strict DER. */
export function readCrlEntry(entries: DerReader): WrittenCrlEntry {
  const entry = entries.enter(Tag.SEQUENCE, 'revoked certificate');
  const userCertificate = entry.element('userCertificate');
  const revocationDate = readTime(entry, 'revocationDate');
  const extensions = entry.done ? NO_EXTENSIONS : decodeExtensions(entry, 'crlEntryExtensions');
  entry.end('revoked certificate');
  return { userCertificate, revocationDate, extensions };
}
