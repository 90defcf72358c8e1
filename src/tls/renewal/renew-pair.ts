import type { KeyObject } from 'node:crypto';
import {
  attributeValues,
  DecodeError,
  decodeCertificates,
  encodeCertificationRequestInfo,
  encodeSigned,
  nameFrom,
  Oid,
  signOctets,
  subjectPublicKeyInfoOf,
  type Certificate,
} from '../../x509/index.js';
import { clientOptions } from '../secure-context.js';
import { DEFAULT_TLS_SETTINGS, type TlsSettings } from '../tls-settings.js';
import { KEY_NOT_TAKEN, withNewKey } from './new-key.js';
import type { PairFiles } from './pair-files.js';
import { RenewalError } from './renewal-error.js';
import { askForRenewal } from './renewal-request.js';
import { checkRenewed } from './renewed-chain.js';

/** The service that is asked for a renewal. */
export interface RenewalTarget {
  /** The service that issued the certificate, as `https://host:port`. */
  readonly url: URL;
  /** The CAs that the service's own certificate, and the new one, must lead to: PEM. */
  readonly caPem: string;
  /** By default those of the service. */
  readonly settings?: TlsSettings | undefined;
  /** The clock by which the new certificate must be valid when it arrives. */
  readonly clock: () => Date;
  /** What `caPem` is called in an error. */
  readonly caName?: string;
}

/**
 * Has the certificate of `pair` renewed, with itself as the only credential, for a new key of the same kind, or of P-256 where that kind is no longer
 * accepted. Both files are replaced once the answer has been checked: it is for the new key, has the subject, names and purposes of the old
 * certificate, leads to the CAs and is valid. Gives the chain, leaf first. Throws {@link RenewalError}, and then nothing was replaced.
 */
export async function renewPair(
  pair: PairFiles,
  { url, caPem, settings = DEFAULT_TLS_SETTINGS, clock, caName = 'the CA file' }: RenewalTarget,
): Promise<readonly [Certificate, ...Certificate[]]> {
  const { certificate: old, certificatePem, keyPem } = pair;
  const service = serviceOf(old);
  const anchors = certificatesIn(caPem, caName);
  // Before the service is asked: a certificate that cannot be stored need not be issued.
  pair.checkWritable();
  const tls = clientOptions(settings, { certificatePem, keyPem, passphrase: pair.keyPassphrase, caPem });
  const isRefused = (error: unknown): boolean => error instanceof RenewalError && error.problem === KEY_NOT_TAKEN;
  return withNewKey(old.publicKey, isRefused, async (newKey) => {
    const octets = await askForRenewal({ url, tls, request: requestFor(newKey, service) });
    const chain = checkRenewed(octets, { old, newKey, anchors, now: clock() });
    pair.place(newKey, chain);
    return chain;
  });
}

/** A certification request (PKCS#10) that names only the subject: the service knows the rest from the old certificate. */
function requestFor(key: KeyObject, commonName: string): Uint8Array {
  const info = encodeCertificationRequestInfo({
    subject: nameFrom({ commonName }),
    publicKey: subjectPublicKeyInfoOf(key),
    extensions: [],
  });
  const { algorithm, signature } = signOctets(info, key);
  return encodeSigned(info, algorithm, signature);
}

function serviceOf({ subject }: Certificate): string {
  const [service, ...more] = attributeValues(subject, Oid.commonName);
  if (service !== undefined && more.length === 0) return service;
  throw new RenewalError('unusable', 'the certificate is not one of a service: it has not exactly one common name', {
    mend: 'name the certificate that is to be renewed',
  });
}

function certificatesIn(pem: string, name: string): Certificate[] {
  try {
    return decodeCertificates(pem);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw new RenewalError('unusable', `${name} cannot be used (${error.message})`, {
      mend: 'name a PEM file of CA certificates',
    });
  }
}
