import { context, write } from '../../../src/der/index.js';
import {
  CrlReason,
  encodeExtensionOf,
  encodeRevokedCertificate,
  encodeSigned,
  encodeTbsCertList,
  Oid,
  signingSchemeFor,
  signOctets,
  type CrlReasonName,
  type Extension,
  type Name,
} from '../../../src/x509/index.js';
import { commonName, days, keyPair, NOW, type KeyPair, type Plan } from './hierarchy.js';
import type { Below } from './changes.js';

/** A CRL to be made. */
interface CrlPlan {
  issuer: Name;
  keyPair: KeyPair;
  thisUpdate: Date;
  nextUpdate: Date;
  revoked: { readonly serialNumber: Uint8Array; readonly reason: CrlReasonName }[];
  extensions: Extension[];
}

const scope = (bit: number): Extension => ({
  oid: Oid.issuingDistributionPoint,
  critical: true,
  value: write.sequence(write.element(context(bit), Uint8Array.of(0xff))),
});

const forReasons = (bits: Iterable<number>): Extension => ({
  oid: Oid.issuingDistributionPoint,
  critical: true,
  value: write.sequence(write.element(context(3), write.namedBits(bits).subarray(2))),
});
const SOME_REASONS = [1, 2];
const OTHER_REASONS = [3, 4, 5, 6, 7, 8];

/** What may be of note about the CRLs of a chain; each is given one CRL, and those that it may put in its place, with the certificates below. */
export const CRL_CHANGES: Readonly<Record<string, (crl: CrlPlan, below: Plan, all: CrlPlan[]) => void>> = {
  'all is well': () => undefined,
  'a certificate is revoked': (crl, { serialNumber }) => crl.revoked.push({ serialNumber, reason: 'keyCompromise' }),
  'a certificate is on hold': (crl, { serialNumber }) => crl.revoked.push({ serialNumber, reason: 'certificateHold' }),
  'another certificate is revoked': (crl) =>
    crl.revoked.push({ serialNumber: Buffer.from('0123456789', 'hex'), reason: 'unspecified' }),
  'a CRL is missing': (crl, _, all) => all.splice(all.indexOf(crl), 1),
  'a CRL is over': (crl) => (crl.nextUpdate = days(-1)),
  'a CRL ends this second': (crl) => (crl.nextUpdate = NOW),
  'a CRL ended a second ago': (crl) => (crl.nextUpdate = new Date(NOW.getTime() - 1000)),
  'a CRL begins this second': (crl) => (crl.thisUpdate = NOW),
  'a CRL begins in a second': (crl) => (crl.thisUpdate = new Date(NOW.getTime() + 1000)),
  'a CRL is of tomorrow': (crl) => (crl.thisUpdate = days(1)),
  'a CRL of another key': (crl) => (crl.keyPair = keyPair('P-256', 9)),
  'a CRL of another issuer': (crl) => (crl.issuer = commonName('Nobody')),
  'a CRL without number': (crl) => (crl.extensions = []),
  'a CRL with an unknown extension': (crl) =>
    crl.extensions.push({ oid: '1.2.3.4', critical: false, value: write.nullElement() }),
  'a CRL with an unknown critical extension': (crl) =>
    crl.extensions.push({ oid: '1.2.3.4', critical: true, value: write.nullElement() }),
  'a CRL for users': (crl) => crl.extensions.push(scope(1)),
  'a CRL for CAs': (crl) => crl.extensions.push(scope(2)),
  'a CRL for attributes': (crl) => crl.extensions.push(scope(5)),
  'a CRL for users and one for CAs': (crl, _, all) => {
    all.push({ ...crl, extensions: [...crl.extensions, scope(2)] });
    crl.extensions.push(scope(1));
  },
  'a CRL for some reasons': (crl) => crl.extensions.push(forReasons(SOME_REASONS)),
  'CRLs for some reasons each': (crl, _, all) => {
    all.push({ ...crl, extensions: [...crl.extensions, forReasons(OTHER_REASONS)] });
    crl.extensions.push(forReasons(SOME_REASONS));
  },
  'CRLs for some reasons each, one revokes': (crl, { serialNumber }, all) => {
    const extensions = [...crl.extensions, forReasons(OTHER_REASONS)];
    all.push({ ...crl, extensions, revoked: [{ serialNumber, reason: 'superseded' }] });
    crl.extensions.push(forReasons(SOME_REASONS));
  },
  'a CRL for another point': (crl) =>
    crl.extensions.push(encodeExtensionOf.issuingDistributionPoint('http://crl.example/1')),
  'a CRL for the point that is named': (crl, below) => {
    crl.extensions.push(encodeExtensionOf.issuingDistributionPoint('http://crl.example/1'));
    below.extensions.set(Oid.crlDistributionPoints, encodeExtensionOf.crlDistributionPoints(['http://crl.example/1']));
  },
  'an older CRL that revokes': (crl, { serialNumber }, all) =>
    all.push({
      ...crl,
      thisUpdate: days(-20),
      nextUpdate: days(-10),
      extensions: [encodeExtensionOf.crlNumber(3n)],
      revoked: [{ serialNumber, reason: 'keyCompromise' }],
    }),
  'a delta that revokes': (crl, { serialNumber }, all) => all.push(deltaOf(crl, serialNumber, 'keyCompromise')),
  'a delta that holds': (crl, { serialNumber }, all) => all.push(deltaOf(crl, serialNumber, 'certificateHold')),
  'a delta that is over': (crl, { serialNumber }, all) =>
    all.push({ ...deltaOf(crl, serialNumber, 'certificateHold'), nextUpdate: days(-0.5) }),
  'a delta that is too new': (crl, { serialNumber }, all) =>
    all.push({
      ...deltaOf(crl, serialNumber, 'keyCompromise'),
      extensions: [encodeExtensionOf.crlNumber(9n), encodeExtensionOf.deltaCrlIndicator(8n)],
    }),
  'a delta that ends a hold': (crl, { serialNumber }, all) => {
    crl.revoked.push({ serialNumber, reason: 'certificateHold' });
    all.push(deltaOf(crl, serialNumber, 'removeFromCRL'));
  },
};

/** A delta to a CRL, which says where it is: OpenSSL uses no other. */
function deltaOf(crl: CrlPlan, serialNumber: Uint8Array, reason: CrlReasonName): CrlPlan {
  crl.extensions.push(encodeExtensionOf.freshestCrl(['http://crl.example/delta']));
  return {
    ...crl,
    thisUpdate: days(-1),
    extensions: [encodeExtensionOf.crlNumber(6n), encodeExtensionOf.deltaCrlIndicator(5n)],
    revoked: [{ serialNumber, reason }],
  };
}

/** The CRLs for a chain, with one change by its name; it may change the chain as well. */
export function crlsFor(plans: readonly Plan[], change: string, pick: Below): readonly Uint8Array[] {
  const all = plans.slice(0, -1).map((plan): CrlPlan => ({
    issuer: plan.subject,
    keyPair: plan.keyPair,
    thisUpdate: days(-2),
    nextUpdate: days(2),
    revoked: [],
    extensions: [encodeExtensionOf.crlNumber(5n)],
  }));
  const at = pick(all.length);
  CRL_CHANGES[change]!(all[at]!, plans[at + 1]!, all);
  return all.map(encodeCrl);
}

function encodeCrl({ keyPair: { privateKey }, revoked, ...fields }: CrlPlan): Uint8Array {
  const tbs = encodeTbsCertList({
    ...fields,
    signatureAlgorithm: signingSchemeFor(privateKey).algorithm,
    revokedCertificates: revoked.map(({ serialNumber, reason }) =>
      encodeRevokedCertificate({ serialNumber, revocationDate: days(-3), reason: CrlReason[reason] }),
    ),
  });
  const { algorithm, signature } = signOctets(tbs, privateKey);
  return encodeSigned(tbs, algorithm, signature);
}
