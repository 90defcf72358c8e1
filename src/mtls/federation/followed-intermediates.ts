import type { Certificate } from '../../x509/index.js';
import { readCertificates, type CertificateInput } from '../trust-anchors.js';
import { markOf, readBundleFile } from './bundle-source.js';

/** CA certificates between the anchors of a trust domain and its services. */
export interface IntermediatesSource {
  /** The certificates, which count until `intermediatesFile` has been read. */
  readonly intermediates?: CertificateInput | undefined;
  /** A PEM file of them, which is read again when it changes. */
  readonly intermediatesFile?: string | undefined;
}

/** The CA certificates of an {@link IntermediatesSource}, as they were last read and found in order. */
export class FollowedIntermediates {
  readonly file: string | undefined;
  #certificates: readonly Certificate[];
  #mark: string | undefined;

  /** Throws DecodeError. */
  constructor({ intermediates = [], intermediatesFile }: IntermediatesSource) {
    this.file = intermediatesFile;
    this.#certificates = readCertificates(intermediates);
  }

  get certificates(): readonly Certificate[] {
    return this.#certificates;
  }

  /** Reads the file, if there is one. True when the certificates in it have changed. When it throws, the earlier ones stay. */
  async read(): Promise<boolean> {
    if (this.file === undefined) return false;
    const octets = await readBundleFile(this.file);
    const mark = markOf(octets);
    if (mark === this.#mark) return false;
    this.#certificates = readCertificates(octets);
    this.#mark = mark;
    return true;
  }
}
