import { Oid, oidName } from '../../oids.js';
import type { CertificateLintRule } from '../lint-rule.js';

// The upper bounds `ub-…`, such as `ub-common-name`.
const LIMITS: ReadonlyMap<string, number> = new Map([
  [Oid.commonName, 64],
  [Oid.organizationName, 64],
  [Oid.organizationalUnitName, 64],
  [Oid.localityName, 128],
  [Oid.stateOrProvinceName, 128],
  [Oid.title, 64],
  [Oid.serialNumber, 64],
  [Oid.countryName, 2],
  [Oid.emailAddress, 255],
]);

export const subjectAttributeLength: CertificateLintRule = {
  name: 'subject-attribute-length',
  source: 'RFC 5280 appendix A.1',
  check: ({ certificate }) => {
    for (const { type, value } of certificate.subject.rdns.flat()) {
      const limit = LIMITS.get(type);
      if (value === undefined || limit === undefined) continue;
      // The bounds count characters, not octets. countryName is always a code of two.
      const characters = Array.from(value).length;
      if (characters < 1 || characters > limit || (type === Oid.countryName && characters !== 2))
        return `${oidName(type)} has ${characters} characters`;
    }
    return undefined;
  },
};
