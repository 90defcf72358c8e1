import { Oid, oidName, type Name } from '../../x509/index.js';
import { PkiError } from '../pki-error.js';
import { quote } from './name-policy.js';

/**
 * Reads the service that a request's subject names: the one common name, or undefined when the subject is empty. The organization may stand
 * beside it when it is ours. Throws PkiError `subject_not_allowed` for anything else: several common names, several attributes in one RDN.
 */
export function requestedService(subject: Name, organization: string): string | undefined {
  let commonName: string | undefined;
  for (const rdn of subject.rdns) {
    const [attribute] = rdn;
    if (!attribute || rdn.length > 1) refuse('the subject has several attributes in one RDN');
    const { type, value } = attribute;
    if (type === Oid.commonName && commonName === undefined && value !== undefined) commonName = value;
    else if (type !== Oid.organizationName || value !== organization)
      refuse(`the subject asks for ${oidName(type)}${value === undefined ? '' : ` ${quote(value)}`}`);
  }
  return commonName;
}

/** Insists that the subject names `service` or nothing. Throws PkiError `subject_not_allowed`. */
export function checkRequestedSubject(subject: Name, service: string, organization: string): void {
  const requested = requestedService(subject, organization);
  if (requested !== undefined && requested !== service)
    refuse(`the subject asks for the common name ${quote(requested)}, not ${quote(service)}`);
}

function refuse(message: string): never {
  throw new PkiError('subject_not_allowed', message);
}
