import type * as Pkijs from 'pkijs';
import type { CertificateExtensions } from './certificate-extensions.js';
import type { CertificateList } from './certificate-list.js';
import type { Certificate } from './certificate.js';
import type { CertificationRequest } from './certification-request.js';
import type { Extension } from './extension.js';
import type { GeneralName } from './general-name.js';
import type { Name } from './name.js';
import { Oid } from './oids.js';

/** What one codec read: a text for each field, made in the same way for both codecs. */
type Reading = Readonly<Record<string, string>>;

/**
 * Reads the octets of `certificate` a second time, with pkijs, and returns the names of the fields on which the two codecs disagree, or `unreadable` when pkijs
 * cannot read them at all. An empty list means that they agree. It takes milliseconds, and says nothing about trust.
 */
export async function secondOpinion(certificate: Certificate): Promise<readonly string[]> {
  return compare(certificate.der, readingOf(certificate), (pkijs, octets) => {
    const theirs = pkijs.Certificate.fromBER(octets);
    return {
      version: String(theirs.version + 1),
      serialNumber: hexOfNumber(theirs.serialNumber.toBigInt()),
      signatureAlgorithm: theirs.signatureAlgorithm.algorithmId,
      innerSignatureAlgorithm: theirs.signature.algorithmId,
      signature: hex(theirs.signatureValue.valueBlock.valueHexView),
      tbs: hex(theirs.tbsView),
      ...theirName('issuer', theirs.issuer),
      notBefore: theirs.notBefore.value.toISOString(),
      notAfter: theirs.notAfter.value.toISOString(),
      ...theirName('subject', theirs.subject),
      subjectPublicKeyInfo: hex(new Uint8Array(theirs.subjectPublicKeyInfo.toSchema().toBER())),
      ...theirExtensions(theirs.extensions),
    };
  });
}

/** As {@link secondOpinion}, for a CRL and its entries. pkijs takes seconds, and a gigabyte, for a hundred thousand of them. */
export async function secondOpinionOnList(list: CertificateList): Promise<readonly string[]> {
  const entries = Array.from(list.revokedCertificates(), ({ serialNumber, revocationDate, reason }, i) => [
    `entry ${i}`,
    `${serialNumber} ${revocationDate.toISOString()} ${reason ?? 'none'}`,
  ]);
  const ours = {
    version: String(list.version),
    signatureAlgorithm: list.signatureAlgorithm.oid,
    signature: hex(list.signature),
    tbs: hex(list.tbs),
    ...ourName('issuer', list.issuer),
    thisUpdate: list.thisUpdate.toISOString(),
    nextUpdate: list.nextUpdate?.toISOString() ?? '',
    ...ourExtensions(list.extensions.all),
    ...(Object.fromEntries(entries) as Reading),
  };
  return compare(list.der, ours, (pkijs, octets) => {
    const theirs = pkijs.CertificateRevocationList.fromBER(octets);
    return {
      version: String(theirs.version + 1),
      signatureAlgorithm: theirs.signatureAlgorithm.algorithmId,
      signature: hex(theirs.signatureValue.valueBlock.valueHexView),
      tbs: hex(theirs.tbsView),
      ...theirName('issuer', theirs.issuer),
      thisUpdate: theirs.thisUpdate.value.toISOString(),
      nextUpdate: theirs.nextUpdate?.value.toISOString() ?? '',
      ...theirExtensions(theirs.crlExtensions?.extensions),
      ...Object.fromEntries((theirs.revokedCertificates ?? []).map((entry, i) => [`entry ${i}`, theirEntry(entry)])),
    };
  });
}

/** As {@link secondOpinion}, for a certification request. */
export async function secondOpinionOnRequest(request: CertificationRequest): Promise<readonly string[]> {
  const ours = {
    signatureAlgorithm: request.signatureAlgorithm.oid,
    ...ourName('subject', request.subject),
    subjectPublicKeyInfo: hex(request.publicKey.der),
    attributes: request.attributes.join(),
    ...ourExtensions(request.extensions.all, request.extensions),
  };
  return compare(request.der, ours, (pkijs, octets) => {
    const theirs = pkijs.CertificationRequest.fromBER(octets);
    const attributes = theirs.attributes ?? [];
    const requested: unknown = attributes.find(({ type }) => type === Oid.extensionRequest)?.values[0];
    return {
      signatureAlgorithm: theirs.signatureAlgorithm.algorithmId,
      ...theirName('subject', theirs.subject),
      subjectPublicKeyInfo: hex(new Uint8Array(theirs.subjectPublicKeyInfo.toSchema().toBER())),
      attributes: attributes.map(({ type }) => type).join(),
      ...theirExtensions(requested ? new pkijs.Extensions({ schema: requested }).extensions : []),
    };
  });
}

async function compare(
  der: Uint8Array,
  ours: Reading,
  read: (pkijs: typeof Pkijs, octets: Uint8Array<ArrayBuffer>) => Reading,
): Promise<readonly string[]> {
  // Loaded late, because it takes 84 ms and is not needed just to read certificates.
  const pkijs = await import('pkijs');
  let theirs: Reading;
  try {
    theirs = read(pkijs, Uint8Array.from(der));
  } catch {
    return ['unreadable'];
  }
  return [...new Set([...Object.keys(ours), ...Object.keys(theirs)])].filter((field) => ours[field] !== theirs[field]);
}

function readingOf(certificate: Certificate): Reading {
  return {
    version: String(certificate.version),
    serialNumber: certificate.serialNumber,
    signatureAlgorithm: certificate.signatureAlgorithm.oid,
    innerSignatureAlgorithm: certificate.signatureAlgorithm.oid,
    signature: hex(certificate.signature),
    tbs: hex(certificate.tbs),
    ...ourName('issuer', certificate.issuer),
    notBefore: certificate.notBefore.toISOString(),
    notAfter: certificate.notAfter.toISOString(),
    ...ourName('subject', certificate.subject),
    subjectPublicKeyInfo: hex(certificate.publicKey.der),
    ...ourExtensions(certificate.extensions.all, certificate.extensions),
  };
}

// pkijs forgets which attributes stood together in one RDN: the octets are there to compare the structure, the list to compare the values.
function ourName(field: string, name: Name): Reading {
  const attributes = name.rdns.flat().filter(({ value }) => value !== undefined);
  return {
    [field]: hex(name.der),
    [`${field} attributes`]: JSON.stringify(attributes.map(({ type, value }) => [type, value])),
  };
}

function theirName(field: string, name: Pkijs.RelativeDistinguishedNames): Reading {
  const attributes = name.typesAndValues.flatMap(({ type, value }) => {
    const text = (value as { valueBlock: { value?: unknown } }).valueBlock.value;
    return typeof text === 'string' ? [[type, text]] : [];
  });
  return { [field]: hex(new Uint8Array(name.valueBeforeDecode)), [`${field} attributes`]: JSON.stringify(attributes) };
}

function ourExtensions(all: ReadonlyMap<string, Extension>, decoded?: CertificateExtensions): Reading {
  const names = decoded?.subjectAltName?.map(ourGeneralName);
  return {
    extensions: [...all.keys()].join(),
    ...Object.fromEntries(
      Array.from(all.values(), ({ oid, critical, value }) => [`extension ${oid}`, `${critical} ${hex(value)}`]),
    ),
    ...(names && { subjectAltName: JSON.stringify(names) }),
  };
}

function theirExtensions(extensions: readonly Pkijs.Extension[] = []): Reading {
  const names = extensions.find(({ extnID }) => extnID === Oid.subjectAltName)?.parsedValue as
    Pkijs.AltName | undefined;
  return {
    extensions: extensions.map(({ extnID }) => extnID).join(),
    ...Object.fromEntries(
      extensions.map(({ extnID, critical, extnValue }) => [
        `extension ${extnID}`,
        `${critical} ${hex(extnValue.valueBlock.valueHexView)}`,
      ]),
    ),
    ...(names && { subjectAltName: JSON.stringify(names.altNames.map(theirGeneralName)) }),
  };
}

function theirEntry({ userCertificate, revocationDate, crlEntryExtensions }: Pkijs.RevokedCertificate): string {
  const extension = crlEntryExtensions?.extensions.find(({ extnID }) => extnID === Oid.reasonCode);
  const reason = extension?.extnValue.valueBlock.valueHexView.at(-1) ?? 'none';
  return `${hexOfNumber(userCertificate.toBigInt())} ${revocationDate.value.toISOString()} ${reason}`;
}

const NUMBERS: Readonly<Record<GeneralName['kind'], number>> = {
  other: 0,
  email: 1,
  dns: 2,
  x400: 3,
  directory: 4,
  ediParty: 5,
  uri: 6,
  ip: 7,
  registeredId: 8,
};

function ourGeneralName(name: GeneralName): [number, string] {
  const number = NUMBERS[name.kind];
  switch (name.kind) {
    case 'directory':
      return [number, hex(name.value.der)];
    case 'ip':
      return [number, hex(name.value)];
    case 'other':
    case 'x400':
    case 'ediParty':
      // pkijs hands these out as schema objects of its own; the extension's octets were compared already.
      return [number, ''];
    default:
      return [number, name.value];
  }
}

function theirGeneralName({ type, value }: Pkijs.GeneralName): [number, string] {
  if (typeof value === 'string') return [type, value];
  if (type === 4) return [type, hex(new Uint8Array((value as Pkijs.RelativeDistinguishedNames).valueBeforeDecode))];
  if (type === 7) return [type, hex((value as { valueBlock: { valueHexView: Uint8Array } }).valueBlock.valueHexView)];
  return [type, ''];
}

const hex = (octets: Uint8Array): string => Buffer.from(octets).toString('hex');

/** As {@link Certificate.serialNumber} writes it. */
function hexOfNumber(number: bigint): string {
  const magnitude = (number < 0n ? -number : number).toString(16);
  return `${number < 0n ? '-' : ''}${magnitude.length % 2 ? '0' : ''}${magnitude}`;
}
