import { REFUSALS, type RefusalCode } from '../mtls/index.js';
import { PKI_ERRORS, type PkiErrorCode, type StoreErrorCode } from '../pki/index.js';
import { REGISTRY_ERRORS, type RegistryErrorCode } from '../registry/index.js';

/** What the listener itself refuses a body, a query or a path with, and what can happen to everything that needs the database. */
const STATUSES = {
  bad_request: [400, 'send the request as it is documented'],
  not_found: [404, 'ask for something that is there'],
  uri_too_long: [414, 'ask for a shorter path'],
  payload_too_large: [413, 'send less: the listener bounds every body'],
  unsupported_media_type: [415, 'send one of the media types that are documented'],
  store_unavailable: [503, 'ask again: the database is gone, locked or full, and the operator has been told'],
  store_corrupt: [503, 'nothing: the database is damaged, and the operator has been told'],
  store_too_new: [503, 'ask another node: a newer version has changed the database, and this one only reads it'],
  service_unavailable: [503, 'ask again, on another connection: the service is stopping'],
  internal_server_error: [500, 'try again; the operator finds the cause in the log under the request id'],
} as const satisfies Readonly<Record<string, readonly [status: number, mend: string]>>;

/** Every `code` that a problem document may carry. */
export type DocumentedCode = RefusalCode | PkiErrorCode | RegistryErrorCode | keyof typeof STATUSES;

/** The status that a code comes with, and what mends it. */
export function documentedCode(code: DocumentedCode): { readonly status: number; readonly mend: string } {
  if (code in REFUSALS) return REFUSALS[code as RefusalCode];
  const [status, mend] =
    code in STATUSES
      ? STATUSES[code as keyof typeof STATUSES]
      : code in REGISTRY_ERRORS
        ? REGISTRY_ERRORS[code as RegistryErrorCode]
        : PKI_ERRORS[code as PkiErrorCode];
  return { status, mend };
}

/** What every route that asks for a client certificate refuses with. */
export const GUARD_CODES = Object.keys(REFUSALS) as RefusalCode[];

/** What every other route refuses with: a header that carries a certificate is refused wherever it was sent to. */
export const OPEN_CODES: readonly DocumentedCode[] = ['client_certificate_malformed', 'validation_failed'];

/** What a route with a parameter in its path refuses with, before anybody is asked. */
export const PATH_CODES: readonly DocumentedCode[] = ['bad_request', 'uri_too_long'];

/** What a route with a body refuses with, before it looks at the content. */
export const BODY_CODES: readonly DocumentedCode[] = ['bad_request', 'payload_too_large', 'unsupported_media_type'];

/** What can happen to whatever asks the store. */
export const STORE_CODES: readonly StoreErrorCode[] = ['store_unavailable', 'store_corrupt', 'store_too_new'];

/** What a certification request is refused with. */
export const REQUEST_CODES: readonly PkiErrorCode[] = [
  'request_malformed',
  'proof_of_possession_failed',
  'public_key_not_allowed',
  'key_compromised',
  'service_name_malformed',
  'subject_not_allowed',
  'name_not_allowed',
  'requester_not_allowed',
  'name_malformed',
  'too_many_names',
  'extension_not_allowed',
  'ca_not_allowed',
  'key_usage_not_allowed',
  'extended_key_usage_not_allowed',
  'profile_unknown',
  'lifetime_not_allowed',
];

/** Why the CA may be unable to sign: for the operator to mend. */
export const SIGNING_CODES: readonly PkiErrorCode[] = (Object.keys(PKI_ERRORS) as PkiErrorCode[]).filter(
  (code) => PKI_ERRORS[code][0] >= 500,
);

/** What an `Idempotency-Key` is refused with. */
export const IDEMPOTENCY_CODES: readonly PkiErrorCode[] = ['idempotency_key_reused', 'idempotency_key_over'];
