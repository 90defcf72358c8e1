import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DecodeError } from '../../der/index.js';
import { decodeCertificate, decodePem, type Certificate } from '../../x509/index.js';
import { signerOf, type Authority } from '../issuer/authority.js';
import { replaceFile } from './atomic-file.js';
import { chainPem } from './chain-pem.js';

// A leaf and a few CAs; nothing larger is such a file.
const MAX_OCTETS = 64 * 1024;

/**
 * Brings the certificate files in the folder up to date that hold a certificate of ours and CAs of ours after it: during a rollover of roots a peer needs a
 * cross-certificate that was not there when the file was written. The certificate itself stays. Gives the paths of what was replaced.
 */
export function refreshChainFiles(certsDirectory: string, authorities: readonly Authority[]): string[] {
  // Without a second root there is nothing that could be missing.
  if (authorities.every(({ crossCertificates }) => crossCertificates.length === 0)) return [];
  const ours = new Set(authorities.flatMap((each) => [each.certificate, ...each.sentChain]).map(fingerprintOf));
  return readdirSync(certsDirectory)
    .filter((name) => name.endsWith('.pem'))
    .map((name) => join(certsDirectory, name))
    .filter((path) => {
      const pem = readSmallFile(path);
      const [leaf, ...above] = pem === undefined ? [] : certificatesIn(pem);
      const authority = leaf && issuerOf(leaf, authorities);
      if (!authority || above.length === 0 || !above.every((each) => ours.has(fingerprintOf(each)))) return false;
      const wanted = chainPem(leaf, authority);
      if (pem === wanted) return false;
      replaceFile(path, wanted, statSync(path).mode & 0o777);
      return true;
    });
}

const fingerprintOf = ({ fingerprint256 }: Certificate): string => fingerprint256;

function issuerOf(leaf: Certificate, authorities: readonly Authority[]): Authority | undefined {
  const named = authorities.filter(
    ({ role, certificate }) => role === 'issuing' && certificate.subject.key === leaf.issuer.key,
  );
  return signerOf(leaf, named);
}

function readSmallFile(path: string): string | undefined {
  try {
    const { size } = statSync(path);
    return size <= MAX_OCTETS ? readFileSync(path, 'utf8') : undefined;
  } catch {
    // Gone since the folder was read, or not for us.
    return undefined;
  }
}

/** The certificates of a file that holds nothing else. */
function certificatesIn(pem: string): Certificate[] {
  try {
    const blocks = decodePem(pem);
    return blocks.every(({ label }) => label === 'CERTIFICATE')
      ? blocks.map(({ octets }) => decodeCertificate(octets))
      : [];
  } catch (error) {
    if (error instanceof DecodeError) return [];
    throw error;
  }
}
