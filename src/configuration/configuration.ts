import * as z from 'zod';
import { healthSchema } from './health.config.js';
import { httpSchema } from './http.config.js';
import { logSchema } from './log.config.js';
import { metricsSchema } from './metrics.config.js';
import { microserviceSchema } from './microservice.config.js';
import { mtlsSchema } from './mtls.config.js';
import { pkiSchema } from './pki.config.js';
import { repositorySchema } from './repository.config.js';
import { storeSchema } from './store.config.js';
import { tlsSchema } from './tls.config.js';

/** The schema of all namespaces and settings. The types, the validation and the documentation come from it. Parsing `{}` gives the defaults. */
export const configurationSchema = z
  .strictObject({
    http: httpSchema.prefault({}).describe('The HTTPS listener.'),
    tls: tlsSchema.prefault({}).describe('Protocol versions, ciphers and the files the HTTPS listener presents.'),
    mtls: mtlsSchema.prefault({}).describe('Which client certificates pass.'),
    pki: pkiSchema.prefault({}).describe('The certification authority.'),
    store: storeSchema.prefault({}).describe('The database.'),
    repository: repositorySchema
      .prefault({})
      .describe('The plain HTTP listener for revocation lists, CA certificates and probes.'),
    microservice: microserviceSchema
      .prefault({})
      .describe('The listener for NestJS messages over TCP with mutual TLS, off unless it has a port.'),
    log: logSchema.prefault({}).describe('The log, lines of JSON on standard output.'),
    health: healthSchema.prefault({}).describe('The health report.'),
    metrics: metricsSchema.prefault({}).describe('Counts and states for Prometheus.'),
  })
  .refine(({ http, repository }) => !repository.enabled || repository.port === 0 || repository.port !== http.port, {
    path: ['repository', 'port'],
    message: 'another port than http.port',
    when: ({ value }) => listeners.safeParse(value).success,
  })
  // OpenSSL knows no CA of another trust domain, and of a client that it has verified Node.js 24.21 has lost the intermediates.
  .refine(
    ({ tls, mtls }) =>
      tls.clientAuth === 'optional' || (mtls.trustDomains.length === 0 && !mtls.presentedIntermediates),
    {
      path: ['tls', 'clientAuth'],
      message:
        'optional, with mtls.trustDomains or mtls.presentedIntermediates: the guard alone can tell whom they trust',
      when: ({ value }) => federation.safeParse(value).success,
    },
  )
  .refine(
    ({ http, repository, microservice: { port } }) =>
      port === undefined || port === 0 || (port !== http.port && (port !== repository.port || !repository.enabled)),
    {
      path: ['microservice', 'port'],
      message: 'another port than http.port and repository.port',
      when: ({ value }) => listeners.safeParse(value).success,
    },
  );

const federation = z.object({
  tls: z.object({ clientAuth: z.string() }),
  mtls: z.object({ trustDomains: z.array(z.unknown()), presentedIntermediates: z.boolean() }),
});

const listeners = z.object({
  http: z.object({ port: z.number() }),
  repository: z.object({ port: z.number(), enabled: z.boolean() }),
  microservice: z.object({ port: z.number().optional() }),
});

type Frozen<T> = T extends readonly (infer Item)[]
  ? readonly Frozen<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]: Frozen<T[Key]> }
    : T;

/**
 * The validated settings, deeply frozen. Durations are whole numbers of the unit that `docs/configuration.md` names. A secret (`tls.keyPassphrase`) is a
 * property that is not enumerable, so that it does not get into a log line, into JSON, or into a copy made by spreading.
 */
export type Configuration = Frozen<z.output<typeof configurationSchema>>;

export type HttpConfig = Configuration['http'];
export type MicroserviceConfig = Configuration['microservice'];
export type LogConfig = Configuration['log'];
