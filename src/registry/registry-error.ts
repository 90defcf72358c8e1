/** What the registry says no with: for each code the HTTP status a door answers with and what to do. */
export const REGISTRY_ERRORS = {
  registry_name_malformed: [
    400,
    'name a service (`billing`), a SPIFFE ID, or a pattern of either: `team-*`, `spiffe://example.org/ns/*`',
  ],
  registry_terms_malformed: [400, 'give what the service may in the form that is documented'],
  service_unknown: [404, 'look the services up with `veritas services list`'],
  service_configured: [409, 'take it off `mtls.services`, or deny it'],
  version_mismatch: [412, 'look at what holds now, and decide again'],
  registry_full: [409, 'remove what is not needed: a pattern stands for many names'],
} as const satisfies Readonly<Record<string, readonly [status: number, mend: string]>>;

/** The closed union of what the registry says no with. */
export type RegistryErrorCode = keyof typeof REGISTRY_ERRORS;

/** The registry says no. `message` is one sentence that may be shown to whoever asked. */
export class RegistryError extends Error {
  override readonly name = 'RegistryError';

  constructor(
    readonly code: RegistryErrorCode,
    message: string,
  ) {
    super(message);
  }

  /** The HTTP status a door answers with. */
  get status(): number {
    return REGISTRY_ERRORS[this.code][0];
  }

  /** What to do, one clause. */
  get mend(): string {
    return REGISTRY_ERRORS[this.code][1];
  }
}
