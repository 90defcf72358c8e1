import { attributeValues, isWorkloadId, Oid, urisOf, type Certificate } from '../x509/index.js';

/** Where the name of a service can be: the common name of the subject, a DNS SAN, or a URI SAN that is a SPIFFE ID. */
export type ServicePlace = 'cn' | 'dns' | 'spiffe';

/** The name of a service, and where it was read. From `spiffe` it is the whole SPIFFE ID. */
export interface ServiceName {
  readonly service: string;
  readonly serviceFrom: ServicePlace;
}

/** Why a certificate names no service. */
export class NoServiceNameError extends Error {
  override readonly name = 'NoServiceNameError';

  constructor(
    message: string,
    /** What its holder can do, in one sentence. */
    readonly mend: string,
  ) {
    super(message);
  }
}

// A superset of what our own CA issues. Anything outside it has only ever been an attempt to be read as something else.
const COMMON_NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,253}[A-Za-z0-9])?$/;
const LABEL = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?';
const HOST = new RegExp(String.raw`^(?=.{1,253}$)${LABEL}(?:\.${LABEL})*$`);

interface Place {
  /** What such a name is called. */
  readonly what: string;
  readonly read: (certificate: Certificate) => readonly string[];
  /** The service name that a text is, or undefined. */
  readonly nameIn: (text: string) => string | undefined;
  readonly mend: string;
}

const PLACES: Readonly<Record<ServicePlace, Place>> = {
  cn: {
    what: 'common name',
    read: ({ subject }) => attributeValues(subject, Oid.commonName),
    nameIn: (text) => (COMMON_NAME.test(text) ? text : undefined),
    mend: 'Have a certificate issued with one common name, that of the service: letters, digits, dots, hyphens and underscores.',
  },
  dns: {
    what: 'DNS name',
    read: ({ extensions }) =>
      (extensions.subjectAltName ?? []).flatMap((name) => (name.kind === 'dns' ? [name.value] : [])),
    // DNS does not distinguish capitals (RFC 4343).
    nameIn: (text) => (HOST.test(text.toLowerCase()) ? text.toLowerCase() : undefined),
    mend: 'Have a certificate issued with one DNS name, that of the service, and no wildcard.',
  },
  spiffe: {
    what: 'URI',
    read: urisOf,
    nameIn: (text) => (isWorkloadId(text) ? text : undefined),
    mend: 'Have a certificate issued with one URI, a SPIFFE ID with a path: spiffe://, a trust domain in small letters, and segments of letters, digits, dots, hyphens and underscores.',
  },
};

/**
 * The name of the service that a certificate is for, from the first of `places` where it has anything. There it must have exactly one name, in the
 * form of that place; otherwise it names nobody, and no later place is looked at. Throws {@link NoServiceNameError}.
 */
export function serviceNameOf(certificate: Certificate, places: readonly ServicePlace[]): ServiceName {
  for (const serviceFrom of places) {
    const { what, read, nameIn, mend } = PLACES[serviceFrom];
    const [text, ...more] = read(certificate);
    if (text === undefined) continue;
    if (more.length > 0)
      throw new NoServiceNameError(`the certificate has ${more.length + 1} ${what}s where one belongs`, mend);
    const service = nameIn(text);
    if (service === undefined) throw new NoServiceNameError(`the certificate's ${what} is not a service name`, mend);
    return { service, serviceFrom };
  }
  const wanted = places.map((place) => PLACES[place].what).join(', no ');
  const [first = 'cn'] = places;
  throw new NoServiceNameError(`the certificate names no service: it has no ${wanted}`, PLACES[first].mend);
}

/** The only common name of a certificate, when it could be a service's; else undefined. */
export function commonNameOf({ subject }: Certificate): string | undefined {
  const [name, ...more] = attributeValues(subject, Oid.commonName);
  return name !== undefined && more.length === 0 ? PLACES.cn.nameIn(name) : undefined;
}

/** Whether a certificate could give a service this name, from one of `places`, or any. Anything else on a list would never match. */
export const isServiceName = (text: string, places: readonly ServicePlace[] = ['cn', 'dns', 'spiffe']): boolean =>
  places.some((place) => PLACES[place].nameIn(text) === text);
