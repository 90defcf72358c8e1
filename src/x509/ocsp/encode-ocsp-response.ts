import { context, contextConstructed, Tag, write } from '../../der/index.js';
import type { AlgorithmIdentifier } from '../algorithm.js';
import { encodeExtensions, type Extension } from '../extension.js';
import { Oid } from '../oids.js';
import type { CertId } from './cert-id.js';
import { OcspResponseStatus, type CertStatus, type OcspResponseStatusName } from './ocsp-response.js';

/** What is to be said about one certificate (RFC 6960 §4.2.1). */
export interface SingleResponseFields {
  readonly certId: Pick<CertId, 'der'>;
  readonly certStatus: CertStatus;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date;
  readonly extensions?: readonly Extension[];
}

/** What a ResponseData holds. `keyIdentifier`: SHA-1 of the responder's key, its ResponderID. */
export interface ResponseDataFields {
  readonly keyIdentifier: Uint8Array;
  readonly producedAt: Date;
  readonly responses: readonly SingleResponseFields[];
  readonly extensions?: readonly Extension[];
}

/** The octets of a ResponseData, which are signed. Throws RangeError when a time lies outside the years 0–9999. */
export function encodeResponseData(data: ResponseDataFields): Uint8Array {
  return write.sequence(
    write.explicit(2, write.octetString(data.keyIdentifier)),
    write.generalizedTime(data.producedAt),
    write.sequence(...data.responses.map(encodeSingleResponse)),
    ...encodeOptionalExtensions(data.extensions),
  );
}

function encodeSingleResponse(single: SingleResponseFields): Uint8Array {
  return write.sequence(
    single.certId.der,
    encodeCertStatus(single.certStatus),
    write.generalizedTime(single.thisUpdate),
    write.explicit(0, write.generalizedTime(single.nextUpdate)),
    ...encodeOptionalExtensions(single.extensions),
  );
}

function encodeCertStatus(certStatus: CertStatus): Uint8Array {
  switch (certStatus.status) {
    case 'good':
      return write.element(context(0));
    case 'unknown':
      return write.element(context(2));
    case 'revoked': {
      const { revocationTime, reason } = certStatus;
      const explicit = reason === undefined ? [] : [write.explicit(0, write.integer(reason, Tag.ENUMERATED))];
      return write.element(contextConstructed(1), write.generalizedTime(revocationTime), ...explicit);
    }
  }
}

const encodeOptionalExtensions = (extensions: readonly Extension[] = []): Uint8Array[] =>
  extensions.length > 0 ? [write.explicit(1, encodeExtensions(extensions))] : [];

/** A BasicOCSPResponse from what was signed; `certificates` are those by which the signature is verified, in DER. */
export function encodeBasicOcspResponse(
  tbs: Uint8Array,
  algorithm: AlgorithmIdentifier,
  signature: Uint8Array,
  certificates: readonly Uint8Array[],
): Uint8Array {
  const certs = certificates.length > 0 ? [write.explicit(0, write.sequence(...certificates))] : [];
  return write.sequence(tbs, algorithm.der, write.bitString(signature), ...certs);
}

/** A successful OCSPResponse around a BasicOCSPResponse. */
export function encodeOcspResponse(basic: Uint8Array): Uint8Array {
  return write.sequence(
    write.integer(OcspResponseStatus.successful, Tag.ENUMERATED),
    write.explicit(0, write.sequence(write.oid(Oid.ocspBasic), write.octetString(basic))),
  );
}

/** An OCSPResponse that says why there is no answer. Nobody signs it. */
export function encodeOcspError(status: Exclude<OcspResponseStatusName, 'successful'>): Uint8Array {
  return write.sequence(write.integer(OcspResponseStatus[status], Tag.ENUMERATED));
}
