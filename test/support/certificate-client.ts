import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { request as httpsRequest, type Agent } from 'node:https';
import type { ConnectionOptions } from 'node:tls';
import { CaService, requestFor } from '../../src/pki/index.js';
import { encodePem } from '../../src/x509/index.js';
import type { RunningService } from '../../src/service.js';
import { answerOf, type Answer } from './client.js';
import { remember } from './documented.js';
import { developmentTls } from './service.js';

/** A service with a key and a certificate of the running CA. */
export interface Caller {
  readonly key: KeyObject;
  readonly tls: ConnectionOptions;
  readonly serialNumber: string;
  readonly chainPem: string;
}

/** Has the CA of a running service certify a new key for `service`. */
export async function callerOf(
  { application, folder }: RunningService & { readonly folder: string },
  service: string,
  profile = 'client',
): Promise<Caller> {
  const key = newKey();
  const requester = { actor: 'test', requestId: 'test', standing: 'operator' } as const;
  const ca = application.get(CaService, { strict: false });
  const { chainPem, certificate } = await ca.issue({ request: requestFor(key, service), profile, service, requester });
  return { ...withCertificate(folder, key, chainPem), serialNumber: certificate.serialNumber };
}

/** Connection options with a key and the chain that was issued for it. */
export function withCertificate(folder: string, key: KeyObject, chainPem: string): Omit<Caller, 'serialNumber'> {
  const tls = { ...developmentTls(folder), cert: chainPem, key: key.export({ format: 'pem', type: 'pkcs8' }) };
  return { key, tls, chainPem };
}

export const newKey = (): KeyObject => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;

/** A certification request of a key for a service, PEM. */
export const csrOf = (key: KeyObject, service: string): string =>
  encodePem('CERTIFICATE REQUEST', requestFor(key, service).der);

/** One request with a body on a new connection, or on one of `agent`: an object as JSON, octets or text as `type`. */
export function send(
  port: number,
  {
    method,
    path,
    tls,
    body,
    headers = {},
    agent,
  }: {
    readonly method: string;
    readonly path: string;
    readonly tls: ConnectionOptions;
    readonly body?: object | string;
    readonly headers?: Record<string, string>;
    readonly agent?: Agent;
  },
): Promise<Answer> {
  const octets = body === undefined || typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body);
  const type = octets === body ? {} : { 'content-type': 'application/json' };
  return new Promise((resolve, reject) => {
    const request = httpsRequest(
      { ...tls, port, path, method, headers: { ...type, ...headers }, agent: agent ?? false },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          const answer = answerOf(response.statusCode ?? 0, response.headers, chunks);
          remember({ port, method, path }, answer);
          resolve(answer);
        });
      },
    );
    request.on('error', reject);
    request.end(octets);
  });
}
