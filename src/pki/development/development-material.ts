import { createPrivateKey, type KeyObject } from 'node:crypto';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ipFromString, sameKey, subjectPublicKeyInfoOf, type Certificate, type GeneralName } from '../../x509/index.js';
import type { CertificationAuthority } from '../certification-authority.js';
import { newKeyFor } from '../issuance/own-key.js';
import { requestFor } from '../issuance/own-request.js';
import type { IssuedCertificate } from '../issuance/issued-certificate.js';
import { signerOf } from '../issuer/authority.js';
import { readSecretFile } from '../issuer/secret-file.js';
import { PkiError } from '../pki-error.js';
import type { Requester } from '../pki-settings.js';
import type { EndEntityProfile } from '../profile/profile.js';
import { createPrivateFile, ensurePrivateFolder, replaceFile } from '../publication/atomic-file.js';
import { readCertificateFile } from '../publication/certificate-file.js';

/** One file: whether it was `made`, `renewed` (its certificate had expired), or `kept`. `note` says what is odd about one that was kept. */
export interface DevelopmentFile {
  readonly path: string;
  readonly outcome: 'made' | 'renewed' | 'kept';
  readonly note?: string;
}

const YEAR = 365 * 86_400;
const SETTING = 'pki.autoSetup';

const PAIRS: readonly {
  readonly name: string;
  readonly profile: 'server' | 'client';
  readonly service: string;
  readonly names: readonly GeneralName[];
}[] = [
  {
    name: 'server',
    profile: 'server',
    service: 'veritas.local',
    names: [{ kind: 'dns', value: 'localhost' }, ...['127.0.0.1', '::1'].map(ip)],
  },
  { name: 'client', profile: 'client', service: 'veritas-client', names: [] },
];

/**
 * Makes what development needs beside the CA: `server_cert.pem`, `server_key.pem`, `client_cert.pem`, `client_key.pem`, each a leaf followed by
 * its issuing CA, valid for a year or as long as its profile gives, and its key as unencrypted PKCS#8, of a kind that its profile takes. What is
 * there is kept, a key always; an expired certificate is renewed for its key. A second call changes nothing. Throws PkiError `key_unreadable`,
 * `key_file_exposed`, `certificate_unreadable`, `development_refused` when a profile of the operator's own does not give what is needed, and what
 * issuing throws.
 */
export async function createDevelopmentMaterial(
  authority: CertificationAuthority,
  {
    requester = { actor: 'veritas', requestId: 'setup', standing: 'operator' },
    now = () => new Date(),
  }: { readonly requester?: Requester; readonly now?: () => Date } = {},
): Promise<DevelopmentFile[]> {
  const folder = authority.certsDirectory;
  ensurePrivateFolder(folder);
  const files: DevelopmentFile[] = [];
  for (const { name, ...wanted } of PAIRS) {
    const keyPath = join(folder, `${name}_key.pem`);
    const certificatePath = join(folder, `${name}_cert.pem`);
    const profile = authority.ca.profiles.named(wanted.profile);
    const made = !existsSync(keyPath) && (await createKey(keyPath, profile));
    files.push({ path: keyPath, outcome: made ? 'made' : 'kept' });
    const standing = existsSync(certificatePath) ? readCertificateFile(certificatePath) : undefined;
    const key = readKey(keyPath);
    if (standing && standing.notAfter > now()) {
      files.push({ path: certificatePath, outcome: 'kept', ...noteOn(standing, key, authority) });
      continue;
    }
    let issued: IssuedCertificate;
    try {
      issued = await authority.ca.issue({
        request: requestFor(key, wanted.service),
        lifetime: Math.min(YEAR, profile.maximumLifetime),
        requester,
        ...wanted,
      });
    } catch (error) {
      // Nobody has seen it, and the next start makes one of the kind that the profile takes then.
      if (made) rmSync(keyPath);
      throw blamingProfile(error, wanted.profile, { certificatePath, authority });
    }
    replaceFile(certificatePath, issued.chainPem, 0o644);
    files.push({ path: certificatePath, outcome: standing ? 'renewed' : 'made' });
  }
  return files;
}

async function createKey(path: string, profile: EndEntityProfile): Promise<boolean> {
  const privateKey = await newKeyFor(profile);
  return createPrivateFile(path, privateKey.export({ format: 'pem', type: 'pkcs8' }));
}

/** Nobody asked for this certificate: what a requester would be told to ask for instead is of no use where a profile of the operator's own says no. */
function blamingProfile(
  error: unknown,
  profile: string,
  { certificatePath, authority }: { readonly certificatePath: string; readonly authority: CertificationAuthority },
): unknown {
  const index = authority.settings.profiles?.findIndex(({ name }) => name === profile) ?? -1;
  if (!(error instanceof PkiError) || error.status >= 500 || index === -1) return error;
  return new PkiError(
    'development_refused',
    `${certificatePath} cannot be made, as pki.profiles[${index}] refuses it: ${error.message}`,
    { cause: error },
  );
}

function readKey(path: string): KeyObject {
  const pem = readSecretFile(path, SETTING);
  try {
    return createPrivateKey(pem);
  } catch (error) {
    throw new PkiError('key_unreadable', `${SETTING}: ${path} is not an unencrypted private key`, { cause: error });
  } finally {
    pem.fill(0);
  }
}

/** What a person should know about a certificate that is left as it is. */
function noteOn(standing: Certificate, key: KeyObject, { ca }: CertificationAuthority): { readonly note?: string } {
  if (!sameKey(standing.publicKey, subjectPublicKeyInfoOf(key))) return { note: 'does not belong to its key' };
  return signerOf(standing, ca.authorities) ? {} : { note: 'was issued by another CA' };
}

function ip(text: string): GeneralName {
  return { kind: 'ip', value: ipFromString(text) ?? new Uint8Array() };
}
