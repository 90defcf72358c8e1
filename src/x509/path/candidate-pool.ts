import type { Certificate } from '../certificate.js';
import type { SignatureChecks } from './signature-checks.js';

/** A certificate that may issue others in a path. */
export interface Candidate {
  readonly certificate: Certificate;
  readonly isAnchor: boolean;
  /** Subject and key: equal for cross-certificates of one CA. */
  readonly entity: string;
}

/** The certificates of one call, each once, by their subjects. Anchors come first, then those that are valid longest. */
export class CandidatePool {
  readonly candidates: readonly Candidate[];
  readonly #bySubject: ReadonlyMap<string, readonly Candidate[]>;

  constructor(
    intermediates: readonly Certificate[],
    anchors: readonly Certificate[],
    readonly signatures: SignatureChecks,
  ) {
    const unique = new Map<string, Candidate>();
    const add = (certificate: Certificate, isAnchor: boolean): void => {
      const { fingerprint256 } = certificate;
      if (!unique.has(fingerprint256))
        unique.set(fingerprint256, { certificate, isAnchor, entity: this.entityOf(certificate) });
    };
    for (const anchor of anchors) add(anchor, true);
    for (const intermediate of intermediates) add(intermediate, false);
    this.candidates = [...unique.values()];
    const bySubject = Map.groupBy(this.candidates, ({ certificate }) => certificate.subject.key);
    for (const group of bySubject.values()) group.sort(byPromise);
    this.#bySubject = bySubject;
  }

  get anchors(): readonly Candidate[] {
    return this.candidates.filter(({ isAnchor }) => isAnchor);
  }

  /** Those whose subject is the name with this key. */
  named(key: string): readonly Candidate[] {
    return this.#bySubject.get(key) ?? [];
  }

  entityOf({ subject, publicKey }: Certificate): string {
    return `${subject.key} ${this.signatures.keyId(publicKey)}`;
  }
}

const byPromise = (a: Candidate, b: Candidate): number =>
  Number(b.isAnchor) - Number(a.isAnchor) || b.certificate.notAfter.getTime() - a.certificate.notAfter.getTime();
