import type { CaService } from '../pki/index.js';
import { attributeValues, Oid } from '../x509/index.js';

/**
 * Why the guard refuses what our own CA issues, in a sentence; undefined when it does not. The CA keeps the organization that it was made with,
 * whatever `pki.organization` says now.
 */
export function organizationsDiffer(
  { authorities }: Pick<CaService, 'authorities'>,
  asked: string,
): string | undefined {
  const issuing = authorities.find(({ role, state }) => role === 'issuing' && state === 'active');
  if (!issuing) return undefined;
  const organization = attributeValues(issuing.certificate.subject, Oid.organizationName).join(', ');
  return organization === asked
    ? undefined
    : `certificates of this CA carry the organization ${organization}, and mtls.issuerOrganization asks for ${asked}: they are refused`;
}
