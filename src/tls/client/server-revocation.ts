import {
  CrlRevocation,
  lossOf,
  revocationModeOf,
  revocationOf,
  statusFrom,
  type CrlEvent,
  type RevocationMode,
  type RevocationOptions,
  type RevocationStatus,
} from '../../revocation/index.js';
import { nameToString, type Certificate, type ValidatedPath } from '../../x509/index.js';
import { PeerRefusedError } from './peer-refused-error.js';

/**
 * What is reported about revocation: a list that was read or cannot be read, and a server that soft-fail let pass although nobody knows whether it is
 * revoked.
 */
export type ServerRevocationEvent =
  | ({ readonly kind: 'crl_loaded' } & Omit<Extract<CrlEvent, { kind: 'loaded' }>, 'kind'>)
  | ({ readonly kind: 'crl_failed' } & Omit<Extract<CrlEvent, { kind: 'failed' }>, 'kind'>)
  | { readonly kind: 'revocation_unknown'; readonly server: string; readonly why: string };

/** Whether servers are revoked, from the same kind of lists, and in the same way, as the guard asks about clients. */
export class ServerRevocation {
  readonly #crls: CrlRevocation;
  readonly #status: RevocationStatus;

  /** `authorities` are the CAs that are trusted now. */
  constructor(
    private readonly options: RevocationOptions,
    private readonly from: {
      readonly authorities: () => readonly Certificate[];
      readonly clock: () => Date;
      readonly report: (event: ServerRevocationEvent) => void;
    },
  ) {
    const { crls = [], refreshInterval = 60_000 } = options;
    const report = ({ kind, ...event }: CrlEvent): void => {
      from.report({ kind: `crl_${kind}`, ...event } as ServerRevocationEvent);
    };
    this.#crls = new CrlRevocation(crls, from.authorities, { refreshInterval, clock: from.clock, report });
    this.#status = statusFrom(options, this.#crls);
  }

  get #mode(): RevocationMode {
    return revocationModeOf(this.options);
  }

  /** Changes whenever an answer might. */
  get epoch(): number {
    return this.#status.epoch;
  }

  /** Reads every list once, and then again and again. Never fails. */
  start(): Promise<void> {
    return this.#crls.start();
  }

  stop(): void {
    this.#crls.stop();
  }

  /** The certificate of a path (leaf first) because of which {@link check} would refuse it. */
  lossOf(path: readonly Certificate[], time: Date): Certificate | undefined {
    if (this.#mode === 'off') return undefined;
    return lossOf(revocationOf(path, this.#status, time), this.#mode)?.certificate;
  }

  /**
   * Until when (ms) a server's path is known not to be revoked. Throws {@link PeerRefusedError}: `revoked`, or `revocation_unknown` when nobody knows
   * and `mode` is hard-fail. `report` is told of a server that is let pass all the same.
   */
  check(path: ValidatedPath, time: Date, report = this.from.report): number {
    if (this.#mode === 'off') return Number.POSITIVE_INFINITY;
    const { revoked, unknown, goodUntil } = revocationOf(path.certificates, this.#status, time);
    if (revoked) {
      const whose = revoked.certificate === path.leaf ? 'its certificate' : 'the certificate of one of its issuers';
      throw new PeerRefusedError('revoked', `${whose} has been revoked (${revoked.answer.source})`);
    }
    const [first] = unknown;
    if (first?.answer.status !== 'unknown') return goodUntil;
    const { why } = first.answer;
    if (this.#mode !== 'soft-fail')
      throw new PeerRefusedError('revocation_unknown', `whether it has been revoked is not known: ${why}`);
    report({ kind: 'revocation_unknown', server: nameToString(path.leaf.subject), why });
    return goodUntil;
  }
}
