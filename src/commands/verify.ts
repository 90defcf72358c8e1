import { createPrivateKey, createPublicKey, hash, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { crlSources, federatedDomains, intermediatesOf, type Configuration } from '../configuration/index.js';
import {
  FederatedTrust,
  readTrustAnchors,
  servicePatterns,
  spiffeIdOf,
  vouchingFor,
  type Decision,
  type TrustAnchors,
  type Vouching,
} from '../mtls/index.js';
import { answerFrom } from '../registry/index.js';
import { CrlRevocation } from '../revocation/index.js';
import { findCertificate, openStore, serialStatuses, type CertificateRow } from '../store/index.js';
import { decodeCertificates, DecodeError, type Certificate } from '../x509/index.js';
import { CommandError, messageOf } from './command-error.js';
import { ExitCode } from './exit-code.js';
import { fileName, readInputFile, readOwnersFile } from './files.js';
import { registryOn } from './services.js';
import { configurationOf, hasStore, type Session } from './session.js';
import { describeCheck, runChecks, type Check, type Purpose, type VerifySubject } from './verify-checks.js';

/** The flags of `veritas verify`. */
export interface VerifyOptions {
  readonly purpose?: Purpose;
  readonly key?: string;
}

/** `veritas verify`: each thing that the guard or a client would check, pass or fail, and what to do. Exits 1 when one fails. */
export async function verify(
  session: Session,
  file: string,
  { purpose = 'client', key }: VerifyOptions,
): Promise<void> {
  const configuration = configurationOf(session);
  const octets = await readInputFile(file, session);
  const checks = await checksOf(octets, { session, configuration, purpose, key });
  const failed = checks.filter(({ ok }) => !ok).length;
  session.output.result({ file, purpose, ok: failed === 0, checks }, checks.map(describeCheck).join('\n'));
  if (failed > 0)
    throw new CommandError(
      `${fileName(file)} would be refused: ${failed} of ${checks.length} checks failed`,
      ExitCode.refused,
    );
}

interface Inputs {
  readonly session: Session;
  readonly configuration: Configuration;
  readonly purpose: Purpose;
  readonly key: string | undefined;
}

async function checksOf(octets: Uint8Array, inputs: Inputs): Promise<Check[]> {
  let chain: [Certificate, ...Certificate[]];
  try {
    chain = decodeCertificates(octets);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return [
      { check: 'readable', ok: false, detail: error.message, mend: 'use the PEM file as it was issued, leaf first' },
    ];
  }
  const [leaf, ...intermediates] = chain;
  const { configuration, purpose } = inputs;
  const { isFederated, anchors, ...trust } = await vouchingOf(leaf, configuration);
  const subject: VerifySubject = {
    leaf,
    offered: intermediates,
    // A client gets the certificates that a server sends. The guard takes those of a client only where it is told to.
    intermediates: [
      ...(purpose === 'client' ? trust.intermediates : []),
      ...(purpose === 'server' || trust.presentedIntermediates ? intermediates : []),
    ],
    anchors,
    isFederated,
    ...(await recordsOf(inputs, [leaf, ...trust.intermediates, ...intermediates])),
    lists: await listsOf(inputs, [...anchors, ...trust.intermediates]),
    publicKey: inputs.key === undefined ? undefined : publicKeyOf(inputs.key),
    purpose,
    policy: { ...configuration.mtls, revocation: trust.revocation ?? configuration.mtls.revocation },
    now: inputs.session.now(),
  };
  return runChecks(subject);
}

/** What the store knows about the certificates; undefined when there is no store. */
async function recordsOf(
  { session, configuration }: Pick<Inputs, 'session' | 'configuration'>,
  certificates: readonly Certificate[],
): Promise<Pick<VerifySubject, 'recordOf' | 'lostReasonOf' | 'askList'>> {
  const { path, url } = configuration.store;
  if (!hasStore(configuration.store)) {
    const askList = (service: string): Decision =>
      servicePatterns(configuration.mtls.services)(service)
        ? { allowed: true }
        : { allowed: false, reason: `${service} is not in mtls.services` };
    return { recordOf: undefined, lostReasonOf: undefined, askList };
  }
  const store = await openStore({ path, url, readOnly: true });
  try {
    const records = new Map<string, CertificateRow>();
    for (const { serialNumber } of certificates) {
      const row = await findCertificate(store.database, serialNumber);
      if (row) records.set(row.fingerprint, row);
    }
    const { services } = await registryOn(store, configuration, session);
    const statuses = await serialStatuses(
      store.database,
      certificates.map(({ serialNumber }) => serialNumber),
    );
    const [leaf] = certificates;
    const spiffeId = leaf && spiffeIdOf(leaf);
    const spkiSha256 = (): string => hash('sha256', leaf?.publicKey.der ?? '');
    return {
      askList: (service) =>
        answerFrom(
          services.entriesFor({ service, spiffeId }),
          { service, spiffeId, spkiSha256 },
          session.now().getTime(),
        ),
      recordOf: ({ fingerprint256 }) => records.get(fingerprint256),
      lostReasonOf: ({ serialNumber }) => {
        const known = statuses.get(serialNumber);
        return known?.status === 'revoked' ? (known.reason ?? 'unspecified') : undefined;
      },
    };
  } finally {
    await store.close();
  }
}

/** The revocation lists of other CAs, each read once, in the way of the guard. */
async function listsOf(
  { configuration: { mtls }, session }: Pick<Inputs, 'configuration' | 'session'>,
  authorities: readonly Certificate[],
): Promise<CrlRevocation> {
  const lists = new CrlRevocation(crlSources(mtls), () => authorities, {
    refreshInterval: mtls.crlRefreshInterval,
    clock: session.now,
    report: () => undefined,
  });
  await lists.start();
  lists.stop();
  return lists;
}

/** The CAs that may vouch for the certificate, by the current trust bundles. Throws CommandError when a bundle that is needed cannot be had. */
async function vouchingOf(leaf: Certificate, configuration: Configuration): Promise<Vouching> {
  const own = trustOf(configuration);
  const { trustDomain } = configuration.mtls;
  const failed: string[] = [];
  const federation = new FederatedTrust(() => own, {
    trustDomain,
    presentedIntermediates: configuration.mtls.presentedIntermediates,
    domains: federatedDomains(configuration.mtls),
    report: (event) => {
      if (event.kind === 'failed') failed.push(`${event.source}: ${event.why}`);
    },
  });
  await federation.start();
  federation.stop();
  const vouching = vouchingFor(leaf, federation.current());
  if (vouching.isFederated && failed.length > 0)
    throw new CommandError(
      `a trust bundle cannot be read (${failed.join('; ')})`,
      ExitCode.unusable,
      'look at mtls.trustDomains',
    );
  return vouching;
}

/** The trust of the guard, from the same files. */
function trustOf({ tls: { caFile }, mtls }: Configuration): TrustAnchors {
  const intermediates = intermediatesOf(mtls);
  try {
    return readTrustAnchors(readFileSync(caFile), intermediates);
  } catch (error) {
    throw new CommandError(
      `the trust bundle ${caFile} cannot be used (${messageOf(error)})`,
      ExitCode.unusable,
      'make it with `veritas setup`, or set tls.caFile',
    );
  }
}

/** The public half of the private key in a file. */
function publicKeyOf(path: string): KeyObject {
  const pem = readOwnersFile(path);
  try {
    return createPublicKey(createPrivateKey(pem));
  } catch {
    throw new CommandError(
      `${path} is not an unencrypted private key`,
      ExitCode.unusable,
      'name the key of the certificate, as PEM',
    );
  } finally {
    pem.fill(0);
  }
}
