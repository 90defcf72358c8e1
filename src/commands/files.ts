import { readFileSync } from 'node:fs';
import { decodeCertificate, octetsFromPemOrDer, type Certificate } from '../x509/index.js';
import { CommandError, messageOf, systemReasonOf } from './command-error.js';
import { ExitCode } from './exit-code.js';
import type { Session } from './session.js';

/** The octets of a file, `-` for stdin. Throws CommandError. */
export async function readInputFile(path: string, { readInput }: Session): Promise<Buffer> {
  if (path === '-') return readInput();
  try {
    return readFileSync(path);
  } catch (error) {
    throw new CommandError(
      `${path} cannot be read (${systemReasonOf(error)})`,
      ExitCode.unusable,
      'look at its name and its permissions',
    );
  }
}

/** The certificates in PEM or DER, in order. Throws DecodeError. */
export function certificatesIn(octets: Uint8Array): Certificate[] {
  return octetsFromPemOrDer(octets, 'CERTIFICATE').map((each) => decodeCertificate(each));
}

/** The first certificate of a file. Throws CommandError. */
export async function readCertificate(path: string, session: Session): Promise<Certificate> {
  const octets = await readInputFile(path, session);
  try {
    const [certificate] = certificatesIn(octets);
    if (certificate) return certificate;
  } catch (error) {
    throw new CommandError(
      `${path} is not a certificate (${messageOf(error)})`,
      ExitCode.refused,
      'name a PEM or DER file of a certificate',
    );
  }
  throw new CommandError(`${path} holds no certificate`, ExitCode.refused, 'name a PEM or DER file of a certificate');
}
