import { Socket } from 'node:net';
import { presentedCertificate, type PeerOf, type PresentedCertificate } from '../mtls/index.js';
import type { Issued, TestCa, TestCertificateOptions } from './test-ca.js';

const HEADER = 'x-veritas-stand-in';

/** Stands in for the TLS connection where there is none: in `app.inject`. */
export interface StandIn {
  /** To be put in the place of the provider `PEER_OF` of `veritas/mtls`. */
  readonly peerOf: PeerOf;
  /**
   * Headers for `app.inject` that present a certificate of the test CA with this common name. `options` put more into it, or a defect. The
   * certificate is issued here, so a header that did not come from this call presents none.
   */
  readonly headers: (service: string, options?: TestCertificateOptions) => Record<string, string>;
  /** The same for a certificate that was issued before: one that stands on a revocation list, say, or one of another CA. */
  readonly headersOf: (issued: Pick<Issued, 'certificate'>) => Record<string, string>;
}

/**
 * An identity for `app.inject`, which has no TLS: a header names a real certificate of `ca`, and everything behind it is the real thing: the path
 * is validated, dates, key usage and revocation are checked, the allow-list and the route's own rule are asked.
 *
 * No request can bring it to life: it is nothing until a test puts it in the provider's place, and even there it answers injected requests alone.
 * Whatever comes over a real socket has no certificate.
 *
 * ```ts
 * const ca = TestCa.root();
 * const standIn = standInIdentity(ca);
 * const module = await Test.createTestingModule({ imports: [AppModule] })
 *   .overrideProvider(PEER_OF)
 *   .useValue(standIn.peerOf)
 *   .compile();
 * const answer = await app.inject({ url: '/orders', headers: standIn.headers('billing') });
 * ```
 */
export function standInIdentity(ca: Pick<TestCa, 'issue'>): StandIn {
  const certificates = new Map<string, PresentedCertificate>();
  const ofServices = new Map<string, Record<string, string>>();

  const headersOf: StandIn['headersOf'] = ({ certificate }) => {
    const handle = String(certificates.size);
    certificates.set(handle, presentedCertificate(certificate.der));
    return { [HEADER]: handle };
  };

  return {
    peerOf: ({ raw }) => {
      if (raw.socket instanceof Socket) return undefined;
      const handle = raw.headers[HEADER];
      const certificate = typeof handle === 'string' ? certificates.get(handle) : undefined;
      return { connection: raw, certificate: () => certificate };
    },
    headers: (service, options) => {
      if (options) return headersOf(ca.issue({ commonName: service, ...options }));
      const headers = ofServices.get(service) ?? headersOf(ca.issue({ commonName: service }));
      ofServices.set(service, headers);
      return headers;
    },
    headersOf,
  };
}
