import { replaceFile } from '../pki/index.js';
import type { RenewalEvent } from '../tls/index.js';
import type { Certificate } from '../x509/index.js';

/**
 * A file of metrics about one certificate and its renewals, in Prometheus' text format 0.0.4 and under the names that the service itself uses: for
 * the textfile collector of node_exporter, which reads `*.prom`.
 */
export class RenewalMetrics {
  readonly #file: string;
  readonly #label: string;
  #certificate: Pick<Certificate, 'notBefore' | 'notAfter'>;
  #renewals = 0;
  #failed = 0;
  #attempts = 0;

  /** Writes the file. `name` is the label of every series. Throws PkiError `file_unwritable`. */
  constructor(file: string, name: string, certificate: Certificate) {
    this.#file = file;
    this.#label = `{certificate="${name.replaceAll(/[\\"]/g, '\\$&').replaceAll('\n', '\\n')}"}`;
    this.#certificate = certificate;
    this.#write();
  }

  /** Records an event, and writes the file anew. Throws as the constructor. */
  note(event: RenewalEvent): void {
    if (event.kind === 'renewed') {
      this.#certificate = event.certificate;
      this.#renewals++;
      this.#attempts = 0;
    } else if (event.kind === 'found') {
      this.#certificate = event.certificate ?? this.#certificate;
      this.#attempts = 0;
    } else {
      this.#failed++;
      this.#attempts = event.attempt;
    }
    this.#write();
  }

  #write(): void {
    const { notBefore, notAfter } = this.#certificate;
    const rows = [
      ['certificate_not_before_seconds', 'gauge', 'Since when it is valid.', notBefore.getTime() / 1000],
      ['certificate_not_after_seconds', 'gauge', 'When it ends.', notAfter.getTime() / 1000],
      ['renewals_total', 'counter', 'Times that it was renewed.', this.#renewals],
      ['renewals_failed_total', 'counter', 'Times that it could not be renewed.', this.#failed],
      ['renewal_failed_attempts', 'gauge', 'How often in a row it could not be renewed.', this.#attempts],
    ] as const;
    const lines = rows.map(
      ([name, kind, help, value]) =>
        `# HELP veritas_${name} ${help}\n# TYPE veritas_${name} ${kind}\nveritas_${name}${this.#label} ${value}\n`,
    );
    replaceFile(this.#file, lines.join(''), 0o644);
  }
}
