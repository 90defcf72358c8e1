import { isUint8Array } from 'node:util/types';
import {
  flag,
  func,
  isFunction,
  isNumber,
  isTable,
  isText,
  listOf,
  oneOf,
  only,
  optionsOfModule,
  text,
} from '../options/index.js';
import type { CrlSource, RevocationMode, RevocationOptions } from '../revocation/index.js';
import type { FederatedDomain } from './federation/federated-trust.js';
import { FORWARDED_FORMATS } from './forwarded/forwarded-format.js';
import type { TrustedProxy } from './forwarded/trusted-proxies.js';
import type { MtlsOptions } from './mtls.options.js';
import type { ServicePlace } from './service-name.js';

const optionsOf = optionsOfModule('MtlsModule');
// The name of a file is text too, and what is read in vain says nothing of the option.
const isOctets = (value: unknown): boolean => (isText(value) && value.includes('-----BEGIN ')) || isUint8Array(value);
const isCertificates = (value: unknown): boolean => isOctets(value) || (Array.isArray(value) && value.every(isOctets));
const certificate = only('PEM or DER', isOctets);
const certificates = only('PEM or DER, one or a list', isCertificates);
const places = listOf(oneOf(...(['cn', 'dns', 'spiffe'] satisfies ServicePlace[])));
const mode = oneOf(...(['hard-fail', 'soft-fail', 'off'] satisfies RevocationMode[]));
const names = listOf(text);

const checkNames = optionsOf<MtlsOptions>({
  trustAnchors: only('PEM or DER, one or a list, or a function', (value) => isFunction(value) || isCertificates(value)),
  intermediates: certificates,
  presentedIntermediates: flag,
  serviceFrom: (value, at) => {
    places(value, at);
    if (Array.isArray(value) && value.length === 0) throw new RangeError(`${at} must not be empty`);
  },
  trustDomain: text,
  trustDomains: listOf(
    optionsOf<FederatedDomain>(
      {
        name: text,
        bundle: text,
        ca: certificate,
        endpointSpiffeId: text,
        endpointBundle: certificate,
        intermediates: certificates,
        intermediatesFile: text,
        presentedIntermediates: flag,
        revocation: mode,
      },
      'name',
      'bundle',
    ),
  ),
  services: (value, at) => {
    if (!isFunction(value)) names(value, at);
  },
  roles: (value, at) => {
    if (isFunction(value)) return;
    if (!isTable(value)) throw new TypeError(`${at} must be a table or a function: { billing: ['auditor'] }`);
    for (const [service, of] of Object.entries(value)) {
      // The letters of a text are no roles, and nobody would notice that they are nobody's.
      if (!Array.isArray(of))
        throw new TypeError(`the roles of ${service} are no list: roles: { ${service}: ['auditor'] }`);
      names(of, `${at}.${service}`);
    }
  },
  rates: optionsOf<NonNullable<MtlsOptions['rates']>>({ of: func, exchange: only('{ tell, hear }', isTable) }),
  issuerOrganization: text,
  expiredGrace: (value, at) => {
    // Of NaN no comparison is true, and so nothing would ever have expired.
    if (!(isNumber(value) && value >= 0)) throw noTime(at, value);
  },
  exemptPaths: names,
  trustedProxies: listOf(
    optionsOf<TrustedProxy>(
      {
        service: text,
        format: oneOf(...Object.keys(FORWARDED_FORMATS)),
        header: text,
        condition: func,
        isShutOut: func,
      },
      'service',
      'format',
    ),
  ),
  revocation: optionsOf<RevocationOptions>({
    mode,
    crls: listOf(optionsOf<CrlSource>({ source: text, issuer: certificate }, 'source')),
    refreshInterval: (value, at) => {
      // A timer takes what is no number, and what is too large a one, for a millisecond.
      if (!(isNumber(value) && value > 0 && value < 2 ** 31)) throw noTime(at, value);
    },
    status: only('{ epoch, statusOf }', isTable),
  }),
  onPeer: func,
  cutConnections: flag,
  onShadow: func,
  clock: func,
});

/**
 * Looks at options that came past the types, as from an environment, from JavaScript, or from the factory of `forRootAsync`, of whose result no type
 * says that it has a name too many. Throws TypeError for one that is missing, unknown or of another kind, or for a proxy that is a caller as well, and
 * RangeError for a time that is none.
 */
export function checkOptions(options: Partial<MtlsOptions> = {}): void {
  const { trustAnchors, services } = options;
  if (!trustAnchors) throw new TypeError('MtlsModule needs trustAnchors: the CAs whose certificates are accepted');
  if (typeof services !== 'function' && !Array.isArray(services))
    throw new TypeError('MtlsModule needs services: a list of the services that may call, or a function');
  checkNames(options, '');
  const { trustedProxies = [], roles } = options;
  for (const { service } of trustedProxies)
    if ((Array.isArray(services) && services.includes(service)) || (isTable(roles) && Object.hasOwn(roles, service)))
      throw new TypeError(`trustedProxies: ${service} is in services or roles: a proxy calls nothing for itself`);
}

const noTime = (option: string, value: unknown): RangeError =>
  new RangeError(`${option} is no number of milliseconds: ${String(value)}`);
