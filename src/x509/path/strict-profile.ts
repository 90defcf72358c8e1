import type { Certificate } from '../certificate.js';
import { KeyUsage } from '../certificate-extensions.js';
import type { GeneralName } from '../general-name.js';
import { isEmptyName } from '../name.js';
import { Oid } from '../oids.js';
import { isSelfIssued, type Role } from './certificate-rules.js';
import { defect, type Defect } from './path-failure.js';

interface ProfileRule {
  readonly section: string;
  readonly message: string;
  readonly broken: (certificate: Certificate, role: Role) => boolean;
}

const isCritical = (certificate: Certificate, oid: string): boolean =>
  certificate.extensions.all.get(oid)?.critical === true;
const isNotCritical = (certificate: Certificate, oid: string): boolean =>
  certificate.extensions.all.get(oid)?.critical === false;
const isCa = (certificate: Certificate, role: Role): boolean =>
  role !== 'leaf' || certificate.extensions.basicConstraints?.cA === true;
// RFC 5280 §4.2.1.6: a dNSName of a space stands for none.
const isEmptyGeneralName = (name: GeneralName): boolean =>
  name.kind === 'directory'
    ? isEmptyName(name.value)
    : name.value === '' || (name.kind === 'dns' && name.value === ' ');
const mayCertify = ({ extensions }: Certificate): boolean => extensions.keyUsage?.has(KeyUsage.keyCertSign) === true;

/** What the profile of RFC 5280 asks of issuers, and careful relying parties insist on. */
const RULES: readonly ProfileRule[] = [
  {
    section: '§4.1.2.2',
    message: 'the serial number is not a positive number of at most 20 octets',
    // More octets are never read. With the first bit set it takes one more octet, for the sign.
    broken: ({ serialNumber }) => serialNumber === '00' || /^-|^[89a-f].{39}$/.test(serialNumber),
  },
  {
    section: '§4.1.2.5',
    message: 'a date is not written in the type for its year',
    broken: ({ datesInForm }) => !datesInForm,
  },
  { section: '§4.1.2.4', message: 'the issuer is empty', broken: ({ issuer }) => isEmptyName(issuer) },
  {
    section: '§4.1.2.6',
    message: 'the subject of a CA is empty',
    broken: (certificate, role) => isCa(certificate, role) && isEmptyName(certificate.subject),
  },
  {
    section: '§4.1.2.6',
    message: 'the subject is empty and no subjectAltName takes its place',
    broken: ({ subject, extensions }) => isEmptyName(subject) && !extensions.subjectAltName,
  },
  {
    section: '§4.1.2.8',
    message: 'there is a unique identifier of issuer or subject',
    broken: ({ hasUniqueIdentifier }) => hasUniqueIdentifier,
  },
  {
    section: '§4.2.1.6',
    message: 'a subjectAltName is empty',
    broken: ({ extensions }) => extensions.subjectAltName?.some(isEmptyGeneralName) === true,
  },
  {
    section: '§4.2.1.6',
    message: 'subjectAltName must be critical exactly when the subject is empty',
    broken: (certificate) =>
      certificate.extensions.subjectAltName !== undefined &&
      isCritical(certificate, Oid.subjectAltName) !== isEmptyName(certificate.subject),
  },
  {
    section: '§4.2.1.1',
    message: 'authorityKeyIdentifier is critical',
    broken: (certificate) => isCritical(certificate, Oid.authorityKeyIdentifier),
  },
  {
    section: '§4.2.1.1',
    message: 'authorityKeyIdentifier has no keyIdentifier',
    broken: ({ extensions: { authorityKeyIdentifier: id } }) => id !== undefined && !id.keyIdentifier,
  },
  {
    section: '§4.2.1.1',
    message: 'authorityKeyIdentifier has the issuer without the serial number, or the other way round',
    broken: ({ extensions: { authorityKeyIdentifier: id } }) =>
      id !== undefined && (id.authorityCertIssuer === undefined) !== (id.authorityCertSerialNumber === undefined),
  },
  {
    section: '§4.2.1.1',
    message: 'authorityKeyIdentifier is missing',
    broken: (certificate, role) =>
      !certificate.extensions.authorityKeyIdentifier && !(role === 'anchor' && isSelfIssued(certificate)),
  },
  {
    section: '§4.2.1.2',
    message: 'subjectKeyIdentifier is critical',
    broken: (certificate) => isCritical(certificate, Oid.subjectKeyIdentifier),
  },
  {
    section: '§4.2.1.2',
    message: 'a CA has no subjectKeyIdentifier',
    broken: (certificate, role) => isCa(certificate, role) && !certificate.extensions.subjectKeyIdentifier,
  },
  {
    section: '§4.2.1.9',
    message: 'basicConstraints of a CA is missing or not critical',
    broken: (certificate, role) => isCa(certificate, role) && !isCritical(certificate, Oid.basicConstraints),
  },
  {
    section: '§4.2.1.9',
    message: 'a path length stands where certificates may not be signed',
    // A root without keyUsage is what the widest used tools make; its key may then do anything.
    broken: (certificate, role) =>
      certificate.extensions.basicConstraints?.pathLenConstraint !== undefined &&
      (!certificate.extensions.basicConstraints.cA ||
        (!mayCertify(certificate) && !(role === 'anchor' && !certificate.extensions.keyUsage))),
  },
  {
    section: '§4.2.1.3',
    message: 'keyUsage of a CA is missing or lacks keyCertSign',
    broken: (certificate, role) =>
      role !== 'leaf' && !mayCertify(certificate) && !(role === 'anchor' && !certificate.extensions.keyUsage),
  },
  {
    section: '§4.2.1.10',
    message: 'nameConstraints is not critical, or stands in a certificate that is no CA',
    broken: (certificate, role) =>
      certificate.extensions.nameConstraints !== undefined &&
      (!isCa(certificate, role) || !isCritical(certificate, Oid.nameConstraints)),
  },
  {
    section: '§4.2.1.11',
    message: 'policyConstraints is not critical',
    broken: (certificate) => isNotCritical(certificate, Oid.policyConstraints),
  },
  {
    section: '§4.2.1.14',
    message: 'inhibitAnyPolicy is not critical',
    broken: (certificate) => isNotCritical(certificate, Oid.inhibitAnyPolicy),
  },
];

/**
 * What a certificate breaks of the profile that conforming CAs follow (RFC 5280 §4). It is asked for together with a purpose or a name: peers have their
 * certificates from CAs that can keep to it, and implementations disagree about odd certificates. Without either only §6.1 counts.
 *
 * It is laxer than the letter in one point: an anchor without keyUsage is accepted.
 */
export function profileDefect(certificate: Certificate, role: Role): Defect | undefined {
  let found = known[role].get(certificate);
  if (found === undefined) known[role].set(certificate, (found = findProfileDefect(certificate, role) ?? 'none'));
  return found === 'none' ? undefined : found;
}

// A certificate stands in many paths, and may have thousands of names.
type Known = WeakMap<Certificate, Defect | 'none'>;
const known: Readonly<Record<Role, Known>> = {
  leaf: new WeakMap(),
  intermediate: new WeakMap(),
  anchor: new WeakMap(),
};

function findProfileDefect(certificate: Certificate, role: Role): Defect | undefined {
  if (role === 'leaf' && certificate.extensions.basicConstraints?.cA)
    return defect('key_usage', 'RFC 5280 §4.2.1.9', 'a CA certificate stands where an end entity belongs');
  if (role === 'leaf' && mayCertify(certificate))
    return defect('key_usage', 'RFC 5280 §4.2.1.9', 'an end-entity certificate asserts keyCertSign');
  const rule = RULES.find(({ broken }) => broken(certificate, role));
  return rule && defect('profile', `RFC 5280 ${rule.section}`, rule.message);
}
