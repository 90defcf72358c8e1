import { lstatSync } from 'node:fs';
import { resolve } from 'node:path';
import {
  checkServiceName,
  isIntermediateProfile,
  newKeyFor,
  replaceFile,
  requestFor,
  type CertificationAuthority,
  type IssuedCertificate,
} from '../pki/index.js';
import { generalNameToString, isSubtreeWithin, nameToString, type GeneralName } from '../x509/index.js';
import { CommandError, messageOf } from './command-error.js';
import { ExitCode } from './exit-code.js';
import { checkOutputFile, readInputFile, statsOf } from './files.js';
import { Interruption } from './interruption.js';
import { withFoldersOf } from './new-folders.js';
import { describePairs } from './output.js';
import { PendingFile } from './pending-file.js';
import { configurationOf, requester, withAuthority, type Session } from './session.js';

interface Terms {
  readonly profile?: string;
  readonly san?: readonly GeneralName[];
  readonly ttl?: number;
}

/** The flags of `veritas issue`. */
export interface IssueOptions extends Terms {
  readonly service: string;
  readonly cert?: string;
  readonly key?: string;
}

/** The flags of `veritas sign`. */
export interface SignOptions extends Terms {
  readonly service?: string;
  readonly cert?: string;
  readonly issuer?: string;
  readonly pathLength?: number;
  readonly permit?: readonly GeneralName[];
  readonly exclude?: readonly GeneralName[];
}

/**
 * `veritas issue`: makes a key (P-256, where the profile certifies that) and has it certified. The key is written beside its place first, and moved there
 * right before the certificate: a process that is killed leaves no key without one there, unless between those two.
 */
export async function issue(session: Session, options: IssueOptions): Promise<void> {
  const { service, profile = 'service', cert = `${service}.pem`, key = `${service}.key` } = options;
  if (resolve(cert) === resolve(key))
    throw new CommandError('--cert and --key name the same file', ExitCode.usage, 'give each a file of its own');
  // Files are named after the service.
  checkServiceName(service);
  checkOutputFile(cert, configurationOf(session));
  const files = [
    { path: key, folderMode: 0o700 },
    { path: cert, folderMode: 0o755 },
  ];
  await withAuthorityAndFolders(session, files, async ({ ca }) => {
    const privateKey = await newKeyFor(ca.profiles.named(profile));
    const terms = { ...termsOf(options), profile, service, requester: requester() };
    let keyFile: PendingFile | undefined;
    // Also before there is such a file, and once it is in its place: no signal comes between the key and the certificate.
    const interruption = new Interruption(() => keyFile?.discard());
    try {
      keyFile = beginKey(key, cert);
      keyFile.write(privateKey.export({ format: 'pem', type: 'pkcs8' }));
      keyFile.flush();
      const issued = await ca.issue({ request: requestFor(privateKey, service), ...terms });
      placeKey(keyFile, issued);
      writeCertificate(cert, issued);
      report(session, issued, { certificate: cert, key });
    } finally {
      keyFile?.discard();
      interruption.over();
    }
  });
}

/** `veritas sign`: certifies the key of a request. Without `--cert` the chain goes to stdout. */
export async function sign(session: Session, file: string, options: SignOptions): Promise<void> {
  const { cert } = options;
  if (cert !== undefined && resolve(cert) === resolve(file))
    throw new CommandError('--cert names the file of the request', ExitCode.usage, 'give each a file of its own');
  checkOutputFile(cert, configurationOf(session));
  const request = await readInputFile(file, session);
  const files = cert === undefined ? [] : [{ path: cert, folderMode: 0o755 }];
  await withAuthorityAndFolders(session, files, async ({ ca }) => {
    const issued = isIntermediateProfile(options.profile ?? '')
      ? await ca.issueIntermediate({ request, ...intermediateTermsOf(options), requester: requester() })
      : await ca.issue({ request, ...endEntityTermsOf(options), requester: requester() });
    if (cert !== undefined) writeCertificate(cert, issued);
    report(session, issued, { certificate: cert });
  });
}

/** As {@link withAuthority}; the folders of `files` are there before anything is issued for them. */
const withAuthorityAndFolders = (
  session: Session,
  files: Parameters<typeof withFoldersOf>[0],
  work: (authority: CertificationAuthority) => Promise<void>,
): Promise<void> => withAuthority(session, {}, (authority) => withFoldersOf(files, () => work(authority)));

function termsOf({ profile, san = [], ttl }: Terms) {
  return { profile, names: san, lifetime: ttl };
}

function endEntityTermsOf({ issuer, pathLength, permit, exclude, service, ...terms }: SignOptions) {
  if ([issuer, pathLength, permit, exclude].some((given) => given !== undefined))
    throw new CommandError(
      '--issuer, --path-length, --permit and --exclude are for the certificate of a CA',
      ExitCode.usage,
      'add --profile intermediate, or one of your own of that kind, or leave them out',
    );
  return { ...termsOf(terms), service };
}

function intermediateTermsOf({
  profile,
  issuer,
  pathLength,
  permit = [],
  exclude = [],
  service,
  san,
  ttl,
}: SignOptions) {
  if (service !== undefined || san !== undefined)
    throw new CommandError(
      'a CA is no service and has no names of services',
      ExitCode.usage,
      'leave --service and --san out: its common name is in the request',
    );
  if (permit.some((each) => exclude.some((other) => isSubtreeWithin(each, other))))
    throw new CommandError(
      'a subtree of --permit lies within one of --exclude, so that nothing in it may be named',
      ExitCode.usage,
      'leave one of the two out',
    );
  const constraints = { permittedSubtrees: permit, excludedSubtrees: exclude };
  return {
    profile,
    issuer,
    pathLenConstraint: pathLength,
    nameConstraints: permit.length + exclude.length > 0 ? constraints : undefined,
    lifetime: ttl,
  };
}

/** A new key's file, still empty and not in its place. */
function beginKey(path: string, certificate: string): PendingFile {
  // A link that leads nowhere is there too: nothing is placed anew where it is.
  if (!lstatSync(path, { throwIfNoEntry: false })) return new PendingFile(path, 0o600);
  throw new CommandError(
    `${path} exists, and a private key is never overwritten`,
    ExitCode.refused,
    statsOf(certificate)
      ? 'choose another name with --key'
      : `choose another name with --key, or remove it if it was left by an issue that was killed: there is no ${certificate} beside it`,
  );
}

function placeKey(file: PendingFile, { certificate: { serialNumber } }: IssuedCertificate): void {
  try {
    file.placeAnew();
  } catch (error) {
    throw new CommandError(
      messageOf(error),
      ExitCode.unusable,
      `certificate ${serialNumber} is issued for a key that is gone, revoke it with \`veritas revoke ${serialNumber}\``,
    );
  }
}

function writeCertificate(path: string, { chainPem, certificate: { serialNumber } }: IssuedCertificate): void {
  try {
    replaceFile(path, chainPem, 0o644);
  } catch (error) {
    throw new CommandError(
      messageOf(error),
      ExitCode.unusable,
      `the certificate is issued, print it with \`veritas show ${serialNumber}\``,
    );
  }
}

function report(
  { output }: Session,
  { certificate, chainPem }: IssuedCertificate,
  files: { readonly certificate: string | undefined; readonly key?: string },
): void {
  const serial = certificate.serialNumber;
  // A request may ask for names that nobody typed: whoever signs it sees what was certified.
  const names = (certificate.extensions.subjectAltName ?? []).map(generalNameToString);
  const json = {
    serial_number: serial,
    subject: nameToString(certificate.subject),
    names,
    not_before: certificate.notBefore.toISOString(),
    not_after: certificate.notAfter.toISOString(),
    certificate_file: files.certificate ?? null,
    key_file: files.key ?? null,
    chain: chainPem,
  };
  if (files.certificate === undefined) {
    output.progress(`Issued ${serial} for ${[json.subject, ...names].join(', ')}, valid until ${json.not_after}.`);
    output.result(json, chainPem);
    return;
  }
  output.result(
    json,
    describePairs([
      ['Serial number', serial],
      ['Subject', json.subject],
      ...(names.length === 0 ? [] : [['Names', names.join(', ')] as const]),
      ['Valid until', json.not_after],
      ['Certificate', files.certificate],
      ...(files.key === undefined ? [] : [['Private key', files.key] as const]),
    ]),
  );
}
