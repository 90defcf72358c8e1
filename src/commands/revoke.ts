import { keyDigest, type CaService, type CertificationAuthority, type Requester } from '../pki/index.js';
import { serialNumberFromString } from '../x509/index.js';
import { CommandError } from './command-error.js';
import { ExitCode } from './exit-code.js';
import { readCertificate, statsOf } from './files.js';
import { Interruption } from './interruption.js';
import { checkIssuer, requester, withAuthority, type Session } from './session.js';

/** Behind the name of a CA, what its list is; a shard has its number. */
const SCOPES: Readonly<Record<string, string>> = { complete: '', delta: ', the delta' };

/** Which certificates `veritas revoke` is about, when it is not just one. */
interface BulkOptions {
  readonly service?: string;
  readonly profile?: string;
  readonly issuer?: string;
  /** The file of a certificate whose key is meant. */
  readonly key?: string;
}

/** The flags of `veritas revoke`. */
export interface RevokeOptions extends BulkOptions {
  readonly cert?: string;
  readonly reason?: string;
  readonly invalidityDate?: Date;
  readonly release?: boolean;
}

/** `veritas revoke`: revokes one certificate or many, or releases those on hold, and then signs the revocation lists that are due because of it. */
export async function revoke(session: Session, serial: string | undefined, options: RevokeOptions): Promise<void> {
  const isBulk = [options.service, options.profile, options.issuer, options.key].some((each) => each !== undefined);
  if ([serial !== undefined, options.cert !== undefined, isBulk].filter(Boolean).length !== 1)
    throw new CommandError(
      'name one of three: a serial number, a certificate, or a choice of certificates',
      ExitCode.usage,
      'veritas revoke SERIAL, veritas revoke --cert FILE, or veritas revoke --service NAME',
    );
  if (options.release && (options.reason !== undefined || options.invalidityDate !== undefined))
    throw new CommandError(
      'a release has no reason and no date',
      ExitCode.usage,
      'leave --reason and --invalidity-date out, or --release',
    );
  if (serial !== undefined && serialNumberFromString(serial) === undefined && statsOf(serial))
    throw new CommandError(`${serial} is a file and no serial number`, ExitCode.usage, 'name it with --cert');
  await withAuthority(session, {}, async (authority) => {
    const by = requester();
    const before = authority.crls.served;
    await (isBulk ? revokeMany(session, authority, options, by) : revokeOne(session, authority, serial, options, by));
    await authority.crls.publishIfDue(by);
    // Those that a service beside us signed first as well.
    for (const { issuer, scope, number } of authority.crls.served)
      if (!before.some((list) => list.issuer === issuer && list.scope === scope && list.number === number))
        session.output.progress(`Signed revocation list ${number} of ${issuer}${SCOPES[scope] ?? `, shard ${scope}`}.`);
  });
}

async function revokeOne(
  session: Session,
  { ca }: CertificationAuthority,
  serial: string | undefined,
  options: RevokeOptions,
  by: Requester,
): Promise<void> {
  const certificate = options.cert === undefined ? undefined : await readCertificate(options.cert, session);
  const serialNumber = certificate?.serialNumber ?? serialNumberFromString(serial ?? '') ?? serial ?? '';
  const known = certificate && (await ca.find(serialNumber));
  // It is easy to make a certificate of one's own with somebody else's serial number.
  if (certificate && known && known.fingerprint !== certificate.fingerprint256)
    throw new CommandError(
      `${options.cert} has the serial number of a certificate of this CA, and is not that certificate`,
      ExitCode.refused,
      'look at the file with veritas show FILE; to revoke the one of this CA, name its serial number',
    );
  if (options.release) {
    const { already } = await ca.release({ serialNumber, requester: by });
    session.output.result(
      { serial_number: serialNumber, released: !already },
      already ? `${serialNumber} is not revoked` : `${serialNumber} is released`,
    );
    return;
  }
  const { reason, invalidityDate } = options;
  const revocation = await ca.revoke({ serialNumber, reason, invalidityDate, requester: by });
  const revokedAt = revocation.revokedAt.toISOString();
  session.output.result(
    {
      serial_number: serialNumber,
      reason: revocation.reason,
      revoked_at: revokedAt,
      already_revoked: revocation.already,
    },
    revocation.already
      ? `${serialNumber} was revoked on ${revokedAt} already (${revocation.reason})`
      : `${serialNumber} is revoked (${revocation.reason})`,
  );
}

async function revokeMany(
  session: Session,
  { ca, events }: CertificationAuthority,
  options: RevokeOptions,
  by: Requester,
): Promise<void> {
  const { service, profile, issuer, reason, invalidityDate, release } = options;
  const key = options.key === undefined ? undefined : await readCertificate(options.key, session);
  const selection = { service, profile, issuer, spkiSha256: key && keyDigest(key.publicKey.der) };
  await checkSelection(ca, selection, options.key);
  const bar = session.output.progressBar(release ? 'Releasing' : 'Revoking');
  const onProgress = bar.isShown
    ? (looked: number, of: number): void => {
        bar.update(looked, of);
      }
    : undefined;
  const done = release ? 'released' : 'revoked';
  let changed = 0;
  const unheard = events.on(`certificate.${done}`, () => {
    changed++;
  });
  const saySoFar = (): void => {
    bar.end();
    session.output.progress(`At least ${changed} certificates are ${done}; the same command goes on with the rest.`);
  };
  const interruption = new Interruption(saySoFar);
  const certificates = await ca
    .revokeAll({ selection, reason, invalidityDate, release, requester: by, onProgress })
    .catch((error: unknown) => {
      if (changed > 0) saySoFar();
      throw error;
    })
    .finally(() => {
      interruption.over();
      unheard();
      bar.end();
    });
  session.output.result(
    { [done]: certificates },
    certificates === 0
      ? `no certificate is left that could be ${done}`
      : `${certificates} ${certificates === 1 ? 'certificate is' : 'certificates are'} ${done}`,
  );
}

/**
 * Checks that each thing that is named is one: a misspelt name must not pass for one whose certificates are all revoked. Throws PkiError `issuer_unknown` and
 * `profile_unknown`, and CommandError.
 */
async function checkSelection(
  ca: CaService,
  selection: Parameters<CaService['hasIssued']>[0],
  keyFile: string | undefined,
): Promise<void> {
  const { service, profile, issuer, spkiSha256 } = selection;
  if (issuer !== undefined) checkIssuer(ca.authorities, issuer);
  const isProfile = profile === undefined || ca.profiles.definitions.some(({ name }) => name === profile);
  // A profile that is not configured any more has certificates still.
  if (!isProfile && !(await ca.hasIssued({ profile }))) ca.profiles.named(profile);
  const unknown = (what: string) =>
    new CommandError(
      `no certificate of this CA is for the ${what}`,
      ExitCode.refused,
      'look the certificates up with `veritas list`',
    );
  if (service !== undefined && !(await ca.hasIssued({ service })))
    throw unknown(`service ${JSON.stringify(service.slice(0, 64))}`);
  if (spkiSha256 !== undefined && !(await ca.hasIssued({ spkiSha256 }))) throw unknown(`key in ${keyFile ?? ''}`);
}
