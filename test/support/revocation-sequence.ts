import fc from 'fast-check';
import { PkiError } from '../../src/pki/index.js';
import type { Certificate } from '../../src/x509/index.js';
import { certificationRequest } from './certification-request.js';
import { openTemporaryAuthority, somebody, type TemporaryAuthority } from './temporary-authority.js';

/** How many shards its CA has. */
export const SHARDS = 2;

/** A hold can be released, a compromise replaces everything, and nothing replaces that. */
const REASONS = { hold: 'certificateHold', supersede: 'superseded', compromise: 'keyCompromise' } as const;

/** One thing that happens to a CA and its certificates; `which` counts from the youngest. */
export type Step =
  | { readonly kind: 'issue'; readonly sharded: boolean }
  | { readonly kind: keyof typeof REASONS | 'release' | 'ask'; readonly which: number }
  | { readonly kind: 'wait'; readonly seconds: number }
  | { readonly kind: 'publish' };

/** What happens, at random; time goes on by at most `longestWait` seconds at once. */
export function anyStep(longestWait: number): fc.Arbitrary<Step> {
  const which = fc.nat(7);
  return fc.oneof(
    fc.record({ kind: fc.constant('issue' as const), sharded: fc.boolean() }),
    fc.record({
      kind: fc.constantFrom('hold' as const, 'supersede' as const, 'compromise' as const, 'release' as const),
      which,
    }),
    fc.record({ kind: fc.constantFrom('hold' as const, 'release' as const), which }),
    fc.record({ kind: fc.constant('ask' as const), which }),
    fc.record({ kind: fc.constant('wait' as const), seconds: fc.integer({ min: 1, max: longestWait }) }),
    fc.constant({ kind: 'publish' as const }),
  );
}

/** A CA with deltas, shards and OCSP, what happened to it, and what has to be said about each of its certificates. */
export class RevocationSequence {
  /** Why each certificate is revoked, undefined while it is good. */
  readonly expected = new Map<Certificate, string | undefined>();

  private constructor(
    /** With shards. */
    readonly temporary: TemporaryAuthority,
    /** As the CA was before there were shards. */
    private readonly plain: TemporaryAuthority['authority'],
    private readonly clock: { now: Date },
    private readonly onAsk: (certificate: Certificate) => Promise<void>,
  ) {}

  /** `ask` is what is done for a step of that kind. */
  static async open(
    start: Date,
    ask: (sequence: RevocationSequence, certificate: Certificate) => Promise<void>,
  ): Promise<RevocationSequence> {
    const clock = { now: start };
    // Nothing polls the store here, and a machine that is busy elsewhere is no reason to call it unread.
    const temporary = await openTemporaryAuthority({ now: () => clock.now, unreadLimit: 3_600_000 });
    const settings = { ...temporary.settings, crlDeltaLifetime: 3600, ocsp: true };
    const plain = await temporary.reopen({ settings });
    const authority = await temporary.reopen({ settings: { ...settings, crlShards: SHARDS } });
    const sequence: RevocationSequence = new RevocationSequence(
      { ...temporary, authority },
      plain,
      clock,
      (certificate) => ask(sequence, certificate),
    );
    return sequence;
  }

  get now(): Date {
    return this.clock.now;
  }

  /** Whether a certificate names a shard as its distribution point. */
  static isSharded({ extensions }: Certificate): boolean {
    const name = extensions.crlDistributionPoints?.[0]?.distributionPoint;
    const first = name && 'fullName' in name ? name.fullName[0] : undefined;
    return first?.kind === 'uri' && /\/issuing\/\d+\.crl$/.test(first.value);
  }

  /** Does one step. Throws where the CA lets through what is final, or refuses what is not. */
  async run(step: Step): Promise<void> {
    switch (step.kind) {
      case 'issue': {
        const { ca } = step.sharded ? this.temporary.authority : this.plain;
        const { certificate } = await ca.issue({ request: certificationRequest(), requester: somebody });
        this.expected.set(certificate, undefined);
        return;
      }
      case 'wait':
        this.clock.now = new Date(this.now.getTime() + step.seconds * 1000);
        return;
      case 'publish':
        await this.temporary.authority.crls.publishIfDue(somebody);
        return;
      default: {
        const all = [...this.expected.keys()];
        const certificate = all.at(-1 - (step.which % Math.max(1, all.length)));
        if (!certificate) return;
        if (step.kind === 'ask') await this.onAsk(certificate);
        else await this.#change(certificate, step.kind);
      }
    }
  }

  /** Forgets those whose time is over: of them nothing need be said. */
  forgetExpired(): void {
    for (const certificate of this.expected.keys())
      if (certificate.notAfter < this.now) this.expected.delete(certificate);
  }

  close(): Promise<void> {
    return this.temporary.close();
  }

  async #change(certificate: Certificate, kind: keyof typeof REASONS | 'release'): Promise<void> {
    const { ca } = this.temporary.authority;
    const { serialNumber } = certificate;
    const before = this.expected.get(certificate);
    const isFinal = before !== undefined && before !== REASONS.hold;
    if (kind === 'release') {
      const code = await ca.release({ serialNumber, requester: somebody }).then(() => undefined, codeOf);
      if (code !== (isFinal ? 'revocation_final' : undefined)) throw new Error(`a release ended with ${String(code)}`);
      if (!isFinal) this.expected.set(certificate, undefined);
      return;
    }
    const reason = REASONS[kind];
    await ca.revoke({ serialNumber, reason, requester: somebody });
    if (!isFinal || kind === 'compromise') this.expected.set(certificate, reason);
  }
}

function codeOf(error: unknown): string {
  if (error instanceof PkiError) return error.code;
  throw error;
}
