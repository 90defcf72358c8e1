import { webcrypto } from 'node:crypto';
import * as asn1js from 'asn1js';
import * as pkijs from 'pkijs';

/** Builds and signs a service's certificate as applications do that have pkijs alone: the same fields and extensions as ours. */
export async function pkijsIssuer(): Promise<(csr: Uint8Array) => Promise<ArrayBuffer>> {
  const engine = new pkijs.CryptoEngine({ crypto: webcrypto as never, name: 'node' });
  pkijs.setEngine('node', engine);
  const curve = { name: 'ECDSA', namedCurve: 'P-256' };
  const keys = await webcrypto.subtle.generateKey(curve, true, ['sign', 'verify']);
  const identifier = new Uint8Array(20).fill(7);
  return async (csr) => {
    const request = pkijs.CertificationRequest.fromBER(csr);
    if (!(await request.verify())) throw new Error('no proof of possession');
    const certificate = new pkijs.Certificate();
    certificate.version = 2;
    certificate.serialNumber = new asn1js.Integer({
      valueHex: webcrypto.getRandomValues(new Uint8Array(16)).fill(1, 0, 1).buffer,
    });
    const commonName = (value: string) =>
      new pkijs.AttributeTypeAndValue({ type: '2.5.4.3', value: new asn1js.Utf8String({ value }) });
    certificate.issuer.typesAndValues.push(commonName('Issuing CA'));
    certificate.subject.typesAndValues.push(commonName('orders'));
    certificate.notBefore.value = new Date();
    certificate.notAfter.value = new Date(Date.now() + 86_400_000);
    certificate.subjectPublicKeyInfo = request.subjectPublicKeyInfo;
    const extension = (extnID: string, critical: boolean, value: { toBER(): ArrayBuffer }) =>
      new pkijs.Extension({ extnID, critical, extnValue: value.toBER() });
    const uri = (value: string) => new pkijs.GeneralName({ type: 6, value });
    certificate.extensions = [
      extension('2.5.29.19', true, new pkijs.BasicConstraints({ cA: false }).toSchema()),
      extension('2.5.29.15', true, new asn1js.BitString({ valueHex: Uint8Array.of(0x80).buffer, unusedBits: 7 })),
      extension(
        '2.5.29.37',
        false,
        new pkijs.ExtKeyUsage({ keyPurposes: ['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2'] }).toSchema(),
      ),
      extension('2.5.29.14', false, new asn1js.OctetString({ valueHex: identifier.buffer })),
      extension(
        '2.5.29.35',
        false,
        new pkijs.AuthorityKeyIdentifier({
          keyIdentifier: new asn1js.OctetString({ valueHex: identifier.buffer }),
        }).toSchema(),
      ),
      extension(
        '2.5.29.17',
        false,
        new pkijs.GeneralNames({ names: [new pkijs.GeneralName({ type: 2, value: 'orders' })] }).toSchema(),
      ),
      extension(
        '2.5.29.31',
        false,
        new pkijs.CRLDistributionPoints({
          distributionPoints: [
            new pkijs.DistributionPoint({ distributionPoint: [uri('http://localhost:5080/crl/issuing.crl')] }),
          ],
        }).toSchema(),
      ),
      extension(
        '1.3.6.1.5.5.7.1.1',
        false,
        new pkijs.InfoAccess({
          accessDescriptions: [
            new pkijs.AccessDescription({
              accessMethod: '1.3.6.1.5.5.7.48.2',
              accessLocation: uri('http://localhost:5080/ca/issuing.cer'),
            }),
          ],
        }).toSchema(),
      ),
    ];
    await certificate.sign(keys.privateKey, 'SHA-256');
    return certificate.toSchema(true).toBER();
  };
}
