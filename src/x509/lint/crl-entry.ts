import { Tag, type DerReader } from '../../der/index.js';
import { decodeExtensions, type Extension } from '../extension.js';
import { readTime, type WrittenTime } from './tbs-form.js';

/** An entry of revokedCertificates as it is written (RFC 5280 §5.1.2.6). */
export interface WrittenCrlEntry {
  /** The INTEGER userCertificate as it stands: rules about numbers look at what was to be written. */
  readonly userCertificate: Uint8Array;
  readonly revocationDate: WrittenTime;
  readonly extensions: ReadonlyMap<string, Extension>;
}

const NO_EXTENSIONS: ReadonlyMap<string, Extension> = new Map();

/** Reads one entry back. Throws DecodeError where it is not strict DER. */
export function readCrlEntry(entries: DerReader): WrittenCrlEntry {
  const entry = entries.enter(Tag.SEQUENCE, 'revoked certificate');
  const userCertificate = entry.element('userCertificate');
  const revocationDate = readTime(entry, 'revocationDate');
  const extensions = entry.done ? NO_EXTENSIONS : decodeExtensions(entry, 'crlEntryExtensions');
  entry.end('revoked certificate');
  return { userCertificate, revocationDate, extensions };
}
