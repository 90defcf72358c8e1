import { attributeValues } from '../../name.js';
import { Oid } from '../../oids.js';
import { dnsName } from '../../path/dns-name.js';
import { constraintAgainstDnsName } from '../../path/name-constraints.js';
import { isAuthority, type CertificateLintRule } from '../lint-rule.js';

/**
 * Without a dNSName OpenSSL takes a common name with a dot for one, and holds it to the constraints. GnuTLS does so with any, of a TLS server: to follow it
 * would leave no certificate without DNS names below a CA that constrains them.
 */
export const nameConstraintsCommonName: CertificateLintRule = {
  name: 'name-constraints-common-name',
  source: 'RFC 6125 §6.4.4',
  check: ({ certificate, chain }) => {
    const { subject, extensions } = certificate;
    if (isAuthority(certificate) || extensions.subjectAltName?.some(({ kind }) => kind === 'dns')) return undefined;
    const names = attributeValues(subject, Oid.commonName);
    return names
      .filter((text) => text.includes('.') && dnsName(text) !== undefined)
      .map((text) => constraintAgainstDnsName(chain, text))
      .find((problem) => problem !== undefined);
  },
};
