import { randomUUID } from 'node:crypto';
import { userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { loadConfiguration, policyOf, type Configuration, type Environment } from '../configuration/index.js';
import {
  openCertificationAuthority,
  openLists,
  PkiError,
  wipePassphrases,
  type CertificationAuthority,
  type CertificationAuthorityOptions,
  type PkiSettings,
  type Requester,
} from '../pki/index.js';
import { openStore, type Store } from '../store/index.js';
import { CommandError } from './command-error.js';
import { ExitCode } from './exit-code.js';
import { statsOf } from './files.js';
import type { Output } from './output.js';

/** What every verb gets: where to write, and how to reach everything else. */
export interface Session {
  readonly output: Output;
  readonly environment: Environment;
  /** The file given with `--config`. */
  readonly configFile: string | undefined;
  /** stdin. */
  readonly input: () => Readable;
  readonly now: () => Date;
}

/** The settings. Throws ConfigurationError. */
export function configurationOf({ configFile, environment }: Session): Configuration {
  return loadConfiguration({ file: configFile, environment });
}

/** The settings of the CA. CRLs are written beside the store. */
export function pkiSettingsOf(configuration: Configuration): PkiSettings {
  const { pki, store } = configuration;
  return { ...pki, crlDirectory: join(dirname(store.path), 'crl'), policy: policyOf(configuration) };
}

/** The user of this machine who called, for the audit record: an operator, since an operator can read the CA's keys. */
export function requester(): Requester {
  let user: string;
  try {
    user = userInfo().username;
  } catch {
    // A user without an entry in the password database, as in containers.
    user = String(process.getuid?.() ?? 'unknown');
  }
  return { actor: `cli:${user}`, requestId: randomUUID(), standing: 'operator' };
}

/** Opens the CA, runs `work`, and closes the store whatever happens. `create` makes a CA that is not there. */
export const withAuthority = <T>(
  session: Session,
  { create = false }: { readonly create?: boolean },
  work: (authority: CertificationAuthority, configuration: Configuration) => Promise<T>,
): Promise<T> => withOpened(session, { create, open: openCertificationAuthority }, work);

/** As {@link withAuthority}, for what needs only the revocation lists. */
export const withLists = <T>(
  session: Session,
  work: (lists: Awaited<ReturnType<typeof openLists>>, configuration: Configuration) => Promise<T>,
): Promise<T> => withOpened(session, { create: false, open: openLists }, work);

async function withOpened<Opened, T>(
  session: Session,
  {
    create,
    open,
  }: { readonly create: boolean; readonly open: (options: CertificationAuthorityOptions) => Promise<Opened> },
  work: (opened: Opened, configuration: Configuration) => Promise<T>,
): Promise<T> {
  return withStoreOf(session, { create }, async (store, configuration) => {
    const settings = pkiSettingsOf(configuration);
    try {
      const opened = await open({ settings, store, create, requester: requester(), now: session.now });
      return await work(opened, configuration);
    } finally {
      wipePassphrases(settings.passphraseFile);
    }
  });
}

/** As {@link withWritableStore}, but makes a store that is not there: for what comes before there is a CA. */
export const withNewStore = <T>(
  session: Session,
  work: (store: Store, settings: PkiSettings) => Promise<T>,
): Promise<T> =>
  withStoreOf(session, { create: true }, (store, configuration) => work(store, pkiSettingsOf(configuration)));

/** Opens the store for reading, runs `work`, and closes it. */
export const withStore = <T>(session: Session, work: OnStore<T>): Promise<T> =>
  withStoreOf(session, { readOnly: true }, work);

/** As {@link withStore}, for reading and writing. */
export const withWritableStore = <T>(session: Session, work: OnStore<T>): Promise<T> => withStoreOf(session, {}, work);

type OnStore<T> = (store: Store, configuration: Configuration) => Promise<T>;

async function withStoreOf<T>(
  session: Session,
  { create = false, readOnly = false }: { readonly create?: boolean; readonly readOnly?: boolean },
  work: OnStore<T>,
): Promise<T> {
  const configuration = configurationOf(session);
  if (!create) checkStoreExists(configuration.store);
  // A secret is not spread.
  const { path, url } = configuration.store;
  const store = await openStore({ path, url, readOnly });
  try {
    return await work(store, configuration);
  } finally {
    await store.close();
  }
}

/** Whether there is a store. Throws CommandError when that cannot be known. */
export const hasStore = ({ path, url }: Configuration['store']): boolean =>
  url !== undefined || statsOf(path) !== undefined;

/** Checks that there is a store, because opening would make one. Throws CommandError. */
export function checkStoreExists(store: Configuration['store']): void {
  if (!hasStore(store))
    throw new CommandError(
      `there is no store at ${store.path} yet`,
      ExitCode.unusable,
      'make it with `veritas setup` or `veritas ca init`',
    );
}

/** Checks that there is a CA with the id `wanted`. Throws PkiError `issuer_unknown`. */
export function checkIssuer(authorities: readonly { readonly id: string }[], wanted: string): void {
  if (!authorities.some(({ id }) => id === wanted))
    throw new PkiError('issuer_unknown', `there is no CA ${JSON.stringify(wanted.slice(0, 64))}`);
}
