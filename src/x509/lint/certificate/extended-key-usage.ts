import type { Certificate } from '../../certificate.js';
import { KeyUsage } from '../../certificate-extensions.js';
import { isAuthority, type CertificateLintRule } from '../lint-rule.js';

/** A certificate without the extension is valid for every purpose. That is allowed only when the key may sign nothing but CRLs. */
export const extendedKeyUsage: CertificateLintRule = {
  name: 'extended-key-usage',
  source: 'RFC 5280 §4.2.1.12',
  check: ({ certificate }) =>
    isAuthority(certificate) || certificate.extensions.extendedKeyUsage || isForListsOnly(certificate)
      ? undefined
      : 'an end entity has no extendedKeyUsage',
};

const isForListsOnly = ({ extensions: { keyUsage } }: Certificate): boolean =>
  keyUsage?.size === 1 && keyUsage.has(KeyUsage.cRLSign);
