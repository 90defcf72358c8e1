import {
  findCertificate,
  issuerSeenAt,
  issuerUsage,
  servicesOfIssuer,
  unlistedPeers,
  type Database,
  type IssuerRole,
  type IssuerRow,
  type IssuerState,
  type IssuerUsage,
  type ServiceOfIssuer,
} from '../../store/index.js';
import { decodeCertificate, nameToString } from '../../x509/index.js';

/** The state of one CA in a rollover, and whether certificates still depend on it. */
export interface IssuerStanding {
  readonly id: string;
  readonly role: IssuerRole;
  readonly state: IssuerState;
  readonly parent: string;
  readonly subject: string;
  readonly notAfter: Date;
  readonly revoked: boolean;
  /**
   * The certificates issued by this CA (for a root, by the issuing CAs below it) that are neither expired nor revoked. Certificates of peers that
   * were seen but are not in the store are included; the certificates of our own CAs are not.
   */
  readonly usage: IssuerUsage;
  /**
   * The services that these certificates belong to, those whose certificate expires last first. At most the last thousand certificates of each CA are
   * looked at.
   */
  readonly services: readonly ServiceOfIssuer[];
  /** When a peer was last let in with a certificate issued by this CA (for a root, by an issuing CA below it). */
  readonly lastSeen: Date | undefined;
  /** Whether this CA can leave the trust bundle without a valid certificate losing its trust. */
  readonly safeToRemove: boolean;
  /** The reason for `safeToRemove`, in words. */
  readonly why: string;
}

/** The certificates that depend on some CAs, and their services. */
export type Dependents = Pick<IssuerStanding, 'usage' | 'services'>;

// Enough to know which services to ask; `veritas list` shows all certificates.
const LOOKED_AT = 1000;

/**
 * The certificates that lose their trust when `issuers` leave the trust bundle, including those of peers that are not in the store, but without our own CAs.
 * Certificates of a revoked CA have no trust to lose.
 */
export async function dependentsOf(database: Database, issuers: readonly IssuerRow[], now: Date): Promise<Dependents> {
  let valid = 0;
  let lastNotAfter: number | undefined;
  const services = new Map<string, number>();
  for (const issuer of issuers) {
    if (await isRevoked(database, issuer)) continue;
    const usage = await issuerUsage(database, issuer, now);
    const unlisted = await unlistedPeers(database, issuer.id, now);
    valid += usage.valid + unlisted.length;
    lastNotAfter = Math.max(lastNotAfter ?? 0, usage.lastNotAfter ?? 0, unlisted[0]?.lastNotAfter ?? 0) || undefined;
    const listed = await servicesOfIssuer(database, issuer, { now, limit: LOOKED_AT });
    for (const { service, lastNotAfter: last } of [...listed, ...unlisted])
      services.set(service, Math.max(last, services.get(service) ?? 0));
  }
  return {
    usage: { valid, lastNotAfter },
    services: [...services]
      .map(([service, last]) => ({ service, lastNotAfter: last }))
      .sort((a, b) => b.lastNotAfter - a.lastNotAfter),
  };
}

/** The standing of each of `rows`. */
export function standingsOf(database: Database, rows: readonly IssuerRow[], now: Date): Promise<IssuerStanding[]> {
  return Promise.all(rows.map((row) => standingOf(database, row, { rows, now })));
}

async function standingOf(
  database: Database,
  row: IssuerRow,
  { rows, now }: { readonly rows: readonly IssuerRow[]; readonly now: Date },
): Promise<IssuerStanding> {
  const { id, role, state, parent, der } = row;
  const certificate = decodeCertificate(der);
  const issuers = role === 'root' ? rows.filter((each) => each.parent === id) : [row];
  const dependents = await dependentsOf(database, issuers, now);
  return {
    id,
    role,
    state,
    parent,
    subject: nameToString(certificate.subject),
    notAfter: certificate.notAfter,
    revoked: await isRevoked(database, row),
    ...dependents,
    lastSeen: await lastSeenOf(database, issuers),
    safeToRemove: state !== 'active' && dependents.usage.valid === 0,
    why: state === 'active' ? `${id} is the active one` : describeDependents(id, dependents),
  };
}

/** Says in one clause which certificates depend on the CA `id`. */
export function describeDependents(id: string, { usage: { valid, lastNotAfter }, services }: Dependents): string {
  if (valid === 0) return `no valid certificate depends on ${id}`;
  const named = services.slice(0, 5).map(({ service }) => service);
  const more = services.length > named.length ? ', …' : '';
  const until = lastNotAfter === undefined ? '' : `, the last until ${new Date(lastNotAfter).toISOString()}`;
  return `${valid} valid ${valid === 1 ? 'certificate depends' : 'certificates depend'} on ${id}${until} (${named.join(', ')}${more})`;
}

async function lastSeenOf(database: Database, issuers: readonly IssuerRow[]): Promise<Date | undefined> {
  const times = await Promise.all(issuers.map(({ id }) => issuerSeenAt(database, id)));
  const last = Math.max(...times.map((time) => time ?? 0));
  return last > 0 ? new Date(last) : undefined;
}

/** Whether the CA's own certificate is revoked. A root's never is. */
export async function isRevoked(database: Database, { der }: IssuerRow): Promise<boolean> {
  return (await findCertificate(database, decodeCertificate(der).serialNumber))?.status === 'revoked';
}
