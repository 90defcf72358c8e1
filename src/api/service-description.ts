/** What this service calls itself. */
export interface ServiceDescription {
  readonly name: string;
  readonly version: string;
}
export const SERVICE_DESCRIPTION = Symbol('veritas:ServiceDescription');
