import { readFileSync } from 'node:fs';
import { reasonOf } from './bounded-file.js';
import { ConfigurationError, printable } from './configuration-error.js';
import type { Configuration } from './configuration.js';

type Mtls = Configuration['mtls'];

/** Reads the octets of `file`, which the setting `path` names. Throws {@link ConfigurationError}. */
function readNamedFile(file: string, path: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new ConfigurationError([{ path, problem: `${printable(file)} cannot be read: ${reasonOf(error)}` }]);
  }
}

/** As {@link readNamedFile}, but undefined when the setting names no file. */
const readIfNamed = (file: string | undefined, path: string): Buffer | undefined =>
  file === undefined ? undefined : readNamedFile(file, path);

/** The entries of `mtls.trustDomains` with the contents of their files. Throws {@link ConfigurationError} for a file that cannot be read. */
export const federatedDomains = ({ trustDomains }: Pick<Mtls, 'trustDomains'>) =>
  trustDomains.map(({ caFile, endpointBundleFile, ...domain }, index) => {
    const path = `mtls.trustDomains[${index}]`;
    return {
      ...domain,
      ca: readIfNamed(caFile, `${path}.caFile`),
      endpointBundle: readIfNamed(endpointBundleFile, `${path}.endpointBundleFile`),
      // A file that cannot be read stops the start. Once the service runs, the file is read again when it changes.
      intermediates: readIfNamed(domain.intermediatesFile, `${path}.intermediatesFile`),
    };
  });

/** The entries of `mtls.crls` with the certificates of their issuers. Throws {@link ConfigurationError} for a file that cannot be read. */
export const crlSources = ({ crls }: Pick<Mtls, 'crls'>) =>
  crls.map(({ source, issuer }, index) => ({
    source,
    ...(issuer === undefined ? {} : { issuer: readNamedFile(issuer, `mtls.crls[${index}].issuer`) }),
  }));

/** The contents of `mtls.intermediatesFile`; empty when the setting is absent. Throws {@link ConfigurationError} when the file cannot be read. */
export const intermediatesOf = ({ intermediatesFile }: Pick<Mtls, 'intermediatesFile'>) =>
  readIfNamed(intermediatesFile, 'mtls.intermediatesFile') ?? [];
