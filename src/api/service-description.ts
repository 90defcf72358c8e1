/** What the service says about itself. */
export interface ServiceDescription {
  readonly name: string;
  readonly version: string;
  /** Paths that are open to anybody, whatever the decorators say. */
  readonly exemptPaths?: readonly string[];
}
export const SERVICE_DESCRIPTION = Symbol('veritas:ServiceDescription');
