import { encodePem, type Certificate } from '../../x509/index.js';
import type { Authority } from '../issuer/authority.js';

const known = new WeakMap<readonly Certificate[], string>();

/** What goes behind a certificate of a CA, as it stands in a file: the issuing CA, then cross-certificates. */
export function sentChainPem({ sentChain }: Authority): string {
  const pem = known.get(sentChain) ?? sentChain.map(({ der }) => encodePem('CERTIFICATE', der)).join('');
  known.set(sentChain, pem);
  return pem;
}

/** A certificate and what goes with it: leaf first. */
export const chainPem = (leaf: Certificate, authority: Authority): string =>
  encodePem('CERTIFICATE', leaf.der) + sentChainPem(authority);
