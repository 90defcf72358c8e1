import { write } from '../../der/index.js';
import {
  decodeCertificateList,
  encodeAroundEntries,
  encodeExtensionOf,
  encodeSigned,
  lintCrl,
  lintFindingToString,
  type AlgorithmIdentifier,
  type Extension,
} from '../../x509/index.js';
import type { IssuerIdentity } from '../issuer/issuer-identity.js';
import { PkiError } from '../pki-error.js';
import { readBack } from '../read-back.js';
import { CheckedEntries, IN_MEMORY } from './checked-entries.js';
import type { EntryPiece } from './crl-entries.js';
import { CrlFile } from './crl-file.js';
import type { CrlFileThread } from './crl-file-thread.js';
import type { TbsParts } from './signed-crl.js';

/** What a list says apart from its entries. */
export interface CrlTerms {
  readonly algorithm: AlgorithmIdentifier;
  readonly number: number;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date;
  /** The last list of this issuer and scope. */
  readonly previous: { readonly number: number; readonly thisUpdate: Date } | undefined;
  /** For a delta, the number of the complete list that it goes with (RFC 5280 §5.2.4). */
  readonly base?: number | undefined;
  /** Where the delta of this complete list is (§5.2.6). */
  readonly freshest?: string | undefined;
  /** For a shard, the URLs by which its certificates name it (§5.2.5). */
  readonly distributionPoint?: readonly string[] | undefined;
}

/** Where a list is put together that is too large for memory. */
export interface CrlDraft {
  /** The path of a file to make; a file without a name when that is undefined. */
  readonly path: () => Promise<string | undefined>;
  /** About how many octets the list will have. */
  readonly expected: number;
  /** Makes the file; another one does when this is undefined. */
  readonly thread?: CrlFileThread | undefined;
}

const NOWHERE: CrlDraft = { path: () => Promise.resolve(undefined), expected: IN_MEMORY };

/** A tbsCertList that may be signed once. Making it is what checks it. */
export class CrlToken {
  readonly issuer: IssuerIdentity;
  #tbs: TbsParts | undefined;

  private constructor(issuer: IssuerIdentity, tbs: TbsParts) {
    this.issuer = issuer;
    this.#tbs = tbs;
  }

  /**
   * Writes the list: version 2, with authorityKeyIdentifier and cRLNumber (RFC 5280 §5.2.1, §5.2.3). `entries` come in pieces of whole entries, each of which
   * is linted. Throws PkiError `clock_behind` when `thisUpdate` is not before `nextUpdate`, or is before the list `previous` or an entry; `lint_failed` with
   * the findings, or when the list cannot be written at all; and `file_unwritable`.
   */
  static async make(
    issuer: IssuerIdentity,
    terms: CrlTerms,
    entries: AsyncIterable<EntryPiece> | Iterable<EntryPiece>,
    { path, expected, thread }: CrlDraft = NOWHERE,
  ): Promise<CrlToken> {
    checkClock(issuer, terms);
    const extensions = extensionsOf(issuer, terms);
    const around = (length: number) =>
      encodeAroundEntries(
        { ...terms, signatureAlgorithm: terms.algorithm, issuer: issuer.subject, extensions },
        length,
      );
    checkList(issuer, terms, Buffer.concat(Object.values(around(0))));
    const about = { isDelta: terms.base !== undefined, thisUpdate: terms.thisUpdate };
    const room = write.encodeHeader(0x30, expected).length + around(expected).before.length;
    const openFile = async (): Promise<CrlFile> => CrlFile.open(await path(), { ...about, room, expected }, thread);
    const checked = await CheckedEntries.check(entries, { ...about, isLarge: expected > IN_MEMORY, openFile });
    return new CrlToken(issuer, { ...around(checked.length), entries: checked });
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
    throw new PkiError('lint_failed', `${number} is not a CRL number (RFC 5280 §5.2.3)`);
  return [
    encodeExtensionOf.authorityKeyIdentifier({ keyIdentifier: issuer.keyIdentifier }),
    encodeExtensionOf.crlNumber(BigInt(number)),
    ...(base === undefined ? [] : [encodeExtensionOf.deltaCrlIndicator(BigInt(base))]),
    ...(distributionPoint === undefined ? [] : [encodeExtensionOf.issuingDistributionPoint(...distributionPoint)]),
    ...(freshest === undefined ? [] : [encodeExtensionOf.freshestCrl([freshest])]),
  ];
}

/** The rules about the list itself, on the octets around its entries. Throws PkiError `lint_failed`. */
function checkList(issuer: IssuerIdentity, { algorithm, previous }: CrlTerms, tbs: Uint8Array): void {
  const [certificate] = issuer.chain;
  if (!certificate) throw new PkiError('lint_failed', `the issuer ${issuer.id} has no certificate yet`);
  const list = readBack(() => decodeCertificateList(encodeSigned(tbs, algorithm, Uint8Array.of(0))));
  const findings = lintCrl({ list, entries: [], issuer: certificate, previous });
  if (findings.length > 0) throw new PkiError('lint_failed', findings.map(lintFindingToString).join('; '));
}
