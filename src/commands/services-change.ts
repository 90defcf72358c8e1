import { hash } from 'node:crypto';
import {
  allowedWith,
  serviceRecord,
  type Expected,
  type RegisteredService,
  type Registry,
  type ServiceTerms,
} from '../registry/index.js';
import { decodeCertificates } from '../x509/index.js';
import { CommandError, messageOf } from './command-error.js';
import { ExitCode } from './exit-code.js';
import { readInputFile } from './files.js';
import { describeService, letsIn, registryOn } from './services.js';
import { requester, withWritableStore, type Session } from './session.js';

/** The flags of every change to a service. */
export interface ChangeOptions {
  readonly expectedVersion?: number;
}

/** The flags that give a service its terms. What is absent stays as it was, except `tries`. */
export interface TermsOptions extends ChangeOptions {
  readonly role?: readonly string[];
  readonly from?: Date;
  readonly until?: Date;
  /** SHA-256 digests, or files of certificates. */
  readonly pin?: readonly string[];
  readonly rate?: number;
  readonly burst?: number;
  readonly note?: string;
  readonly tries?: 'allowed' | 'denied';
  /** Nothing stays as it was. */
  readonly replace?: boolean;
}

/** `veritas services allow`, `deny` and `shadow`. */
export async function servicesPut(
  session: Session,
  name: string,
  state: ServiceTerms['state'],
  options: TermsOptions,
): Promise<void> {
  const { until } = options;
  const now = session.now().getTime();
  if (until && until.getTime() <= now)
    throw new CommandError(
      `--until is in the past: ${until.toISOString()}`,
      ExitCode.usage,
      'name a later date; to shut a service out: veritas services deny',
    );
  await withWritableRegistry(session, async ({ services, changes }) => {
    const kept = options.replace ? undefined : services.find(name);
    const [before] = services.entriesFor({ service: name, spiffeId: undefined });
    const wasLetIn = before !== undefined && letsIn(before, now);
    const terms = await termsFrom(session, { ...(kept?.terms ?? allowedWith([])), state }, options);
    const expected = options.replace ? expectedFrom(options) : expectedOf(kept, options);
    const { service, isChanged } = await changes.put({ name, terms, expected, requester: requester() });
    if (!isChanged) session.output.progress('Nothing was changed: the entry has these terms already.');
    if (state === 'shadow' && !wasLetIn)
      session.output.progress(`${name} was not let in before: the shadow lets it in, and reports each call.`);
    const { validUntil } = service.terms;
    if (state === 'allowed' && validUntil !== null && validUntil <= now)
      session.output.progress(
        `It is over since ${new Date(validUntil).toISOString()} and lets nobody in: give --until, or --replace.`,
      );
    const record = serviceRecord(service);
    session.output.result(record, describeService(record));
  });
}

/** `veritas services remove`: what the configuration says holds again. */
export async function servicesRemove(session: Session, name: string, options: ChangeOptions): Promise<void> {
  await withWritableRegistry(session, async ({ changes }) => {
    const holds = await changes.remove({ name, expected: expectedFrom(options), requester: requester() });
    session.output.result(
      { name, holds: holds ? serviceRecord(holds) : null },
      holds
        ? `Removed. ${name} is on the configured list: what that says holds from now on.`
        : `Removed. ${name} has no entry any more.`,
    );
  });
}

const withWritableRegistry = (session: Session, work: (registry: Registry) => Promise<void>): Promise<void> =>
  withWritableStore(session, async (store, configuration) => work(await registryOn(store, configuration, session)));

async function termsFrom(session: Session, before: ServiceTerms, options: TermsOptions): Promise<ServiceTerms> {
  const { role, from, until, pin, rate, burst, note, tries = 'denied' } = options;
  if (burst !== undefined && rate === undefined)
    throw new CommandError('--burst needs --rate', ExitCode.usage, 'give both, or --rate alone');
  return {
    state: before.state,
    tries: before.state === 'shadow' ? tries : null,
    roles: role ?? before.roles,
    validFrom: from?.getTime() ?? before.validFrom,
    validUntil: until?.getTime() ?? before.validUntil,
    pins: pin ? await Promise.all(pin.map((each) => pinOf(session, each))) : before.pins,
    rate: rate === undefined ? before.rate : { perSecond: rate, burst: burst ?? rate },
    note: note ?? before.note,
  };
}

/** A digest as it is, or the digest of the public key in a certificate's file. */
async function pinOf(session: Session, text: string): Promise<string> {
  if (/^[0-9a-f]{64}$/i.test(text)) return text.toLowerCase();
  const octets = await readInputFile(text, session);
  try {
    return hash('sha256', decodeCertificates(octets)[0].publicKey.der);
  } catch (error) {
    throw new CommandError(
      `${text} is not a certificate (${messageOf(error)})`,
      ExitCode.refused,
      'name a PEM or DER file, or a digest',
    );
  }
}

/** When terms are kept from an entry, it must not change until it is written: otherwise a change in between would be undone. */
function expectedOf(kept: RegisteredService | undefined, { expectedVersion }: ChangeOptions): Expected {
  if (expectedVersion !== undefined && expectedVersion !== kept?.version) return [];
  return kept ? [kept.version] : 'absent';
}

const expectedFrom = ({ expectedVersion }: ChangeOptions): Expected | undefined =>
  expectedVersion === undefined ? undefined : [expectedVersion];
