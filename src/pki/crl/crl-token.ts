import { randomInt } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import {
  CrlEntriesLint,
  decodeCertificateList,
  DecodeError,
  encodeAroundEntries,
  encodeExtensionOf,
  encodeSigned,
  lintCrl,
  lintFindingToString,
  type AlgorithmIdentifier,
  type CertificateList,
  type Extension,
  type LintFinding,
} from '../../x509/index.js';
import type { IssuerIdentity } from '../issuer/issuer-identity.js';
import { PkiError } from '../pki-error.js';
import { IN_MEMORY, OctetSpool } from './octet-spool.js';
import type { TbsParts } from './signed-crl.js';

/** What a list says besides its entries. */
export interface CrlTerms {
  readonly algorithm: AlgorithmIdentifier;
  readonly number: number;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date;
  /** The last list of this issuer and scope. */
  readonly previous: { readonly number: number; readonly thisUpdate: Date } | undefined;
  /** Of a delta: the number of the complete list that it goes with (RFC 5280 §5.2.4). */
  readonly base?: number | undefined;
  /** Where the delta of this complete list is (§5.2.6). */
  readonly freshest?: string | undefined;
  /** Of a shard: what its certificates name as their distribution point (§5.2.5). */
  readonly distributionPoint?: string | undefined;
}

/** A tbsCertList that may be signed, once. Making one checks it. */
export class CrlToken {
  readonly issuer: IssuerIdentity;
  #tbs: TbsParts | undefined;

  private constructor(issuer: IssuerIdentity, tbs: TbsParts) {
    this.issuer = issuer;
    this.#tbs = tbs;
  }

  /**
   * Writes the list: version 2, with authorityKeyIdentifier and cRLNumber (RFC 5280 §5.2.1, §5.2.3). `entries` come in pieces of whole entries, each of
   * which is linted and put into `spool`. Throws PkiError `clock_behind` when `thisUpdate` is not before `nextUpdate` or lies before the list
   * `previous`, `lint_failed` with the findings, or when it cannot be written at all; then `spool` is disposed of.
   */
  static async make(
    issuer: IssuerIdentity,
    terms: CrlTerms,
    entries: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
    spool: OctetSpool = new OctetSpool(),
  ): Promise<CrlToken> {
    try {
      checkClock(issuer, terms);
      const extensions = extensionsOf(issuer, terms);
      const around = (length: number) =>
        encodeAroundEntries(
          { ...terms, signatureAlgorithm: terms.algorithm, issuer: issuer.subject, extensions },
          length,
        );
      checkList(issuer, terms, Buffer.concat(Object.values(around(0))));
      await checkAndKeep(entries, spool, terms);
      const { before, after } = around(spool.length);
      return new CrlToken(issuer, {
        length: before.length + spool.length + after.length,
        read: async function* () {
          yield before;
          yield* spool.read();
          yield after;
        },
        dispose: () => spool.dispose(),
      });
    } catch (error) {
      await spool.dispose();
      throw error;
    }
  }

  /** What is to be signed. Throws PkiError `token_spent` the second time. */
  spend(): TbsParts {
    const tbs = this.#tbs;
    if (!tbs) throw new PkiError('token_spent', 'this revocation list was signed before');
    this.#tbs = undefined;
    return tbs;
  }
}

/** Throws PkiError `clock_behind`. */
export function checkClock(
  { id }: Pick<IssuerIdentity, 'id'>,
  { thisUpdate, nextUpdate, previous }: Pick<CrlTerms, 'thisUpdate' | 'nextUpdate' | 'previous'>,
): void {
  if (thisUpdate >= nextUpdate || (previous && thisUpdate < previous.thisUpdate))
    throw new PkiError(
      'clock_behind',
      `the clock says ${thisUpdate.toISOString()}, before the last revocation list of ${id} was signed (${previous?.thisUpdate.toISOString() ?? 'never'})`,
    );
}

function extensionsOf(issuer: IssuerIdentity, { number, base, freshest, distributionPoint }: CrlTerms): Extension[] {
  if (!Number.isSafeInteger(number) || number < 1)
    throw new PkiError('lint_failed', `${number} is no CRL number (RFC 5280 §5.2.3)`);
  return [
    encodeExtensionOf.authorityKeyIdentifier({ keyIdentifier: issuer.keyIdentifier }),
    encodeExtensionOf.crlNumber(BigInt(number)),
    ...(base === undefined ? [] : [encodeExtensionOf.deltaCrlIndicator(BigInt(base))]),
    ...(distributionPoint === undefined ? [] : [encodeExtensionOf.issuingDistributionPoint(distributionPoint)]),
    ...(freshest === undefined ? [] : [encodeExtensionOf.freshestCrl([freshest])]),
  ];
}

/** The rules about the list itself, on the octets around its entries. Throws PkiError `lint_failed`. */
function checkList(issuer: IssuerIdentity, { algorithm, previous }: CrlTerms, tbs: Uint8Array): void {
  const [certificate] = issuer.chain;
  if (!certificate) throw new PkiError('lint_failed', `the issuer ${issuer.id} has no certificate yet`);
  const findings = lintCrl({ list: readBack(tbs, algorithm), entries: [], issuer: certificate, previous });
  if (findings.length > 0) fail(findings);
}

/** The rules about the entries, on their octets. Throws PkiError `lint_failed`. */
async function checkAndKeep(
  entries: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  spool: OctetSpool,
  { base, thisUpdate }: Pick<CrlTerms, 'base' | 'thisUpdate'>,
): Promise<void> {
  const isDelta = base !== undefined;
  const lint = new CrlEntriesLint({ isDelta, thisUpdate, key: [randomInt(0x1_0000_0000), randomInt(0x1_0000_0000)] });
  for await (const piece of entries) {
    const finding = strictly(() => lint.check(piece));
    if (finding) fail([finding]);
    await spool.append(piece);
  }
  for (const finding of lint.checkUnique()) {
    if (finding) fail([finding]);
    if (spool.length > IN_MEMORY) await setImmediate();
  }
}

/** The list as its readers will see it, but for the signature. */
const readBack = (tbs: Uint8Array, algorithm: AlgorithmIdentifier): CertificateList =>
  strictly(() => decodeCertificateList(encodeSigned(tbs, algorithm, Uint8Array.of(0))));

/** Throws PkiError `lint_failed` for what a strict reader refuses. */
function strictly<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof DecodeError) throw new PkiError('lint_failed', error.message, { cause: error });
    throw error;
  }
}

function fail(findings: readonly LintFinding[]): never {
  throw new PkiError('lint_failed', findings.map(lintFindingToString).join('; '));
}
