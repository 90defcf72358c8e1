import { encodePem, type Certificate } from '../../x509/index.js';
import type { Authority } from '../issuer/authority.js';

/** A certificate and what goes with it, as it stands in a file: leaf first, then its issuing CA, then cross-certificates. */
export const chainPem = (leaf: Certificate, { sentChain }: Authority): string =>
  [leaf, ...sentChain].map(({ der }) => encodePem('CERTIFICATE', der)).join('');
