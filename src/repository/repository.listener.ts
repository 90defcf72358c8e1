import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  Inject,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type OnModuleDestroy,
} from '@nestjs/common';
import { fastify, type FastifyError, type FastifyInstance, type FastifyReply } from 'fastify';
import {
  answerUnreadable,
  answerUnroutable,
  oneByOne,
  problemOfStatus,
  refuseConnect,
  sendProblem,
  withOneMeaning,
} from '../mtls/index.js';
import { encodePem } from '../x509/index.js';
import { sendDocument } from './cached-reply.js';
import { sendCrl } from './crl-reply.js';
import { failureLog, type Failed } from './failure-log.js';
import { NO_SCHEMAS } from './no-schemas.js';
import { ocspHandler } from './ocsp-handler.js';
import { PUBLISHED, type Published } from './published.js';
import { REPOSITORY_OPTIONS, type RepositoryOptions } from './repository.options.js';
import { shareConnections } from './shared-connections.js';

const PEM = 'application/x-pem-file';
const MAX_CONNECTIONS = 1_000;
const OPTIONS = {
  requestTimeout: 10_000,
  headersTimeout: 10_000,
  keepAliveTimeout: 5_000,
  requireHostHeader: false,
};

/**
 * The repository of RFC 5280: CA certificates, CRLs and OCSP over plain HTTP, because fetching a CRL over https could need that same CRL (§8). It is
 * a listener apart from everything that needs a client certificate. It also serves the probes, because a kubelet has no client certificate.
 */
@Injectable()
export class RepositoryListener implements OnApplicationBootstrap, OnModuleDestroy, OnApplicationShutdown {
  readonly #server: FastifyInstance;
  #isStopping = false;

  constructor(
    @Inject(REPOSITORY_OPTIONS) private readonly options: RepositoryOptions,
    @Inject(PUBLISHED) published: Published,
  ) {
    const ready = async (): Promise<boolean> => !this.#isStopping && (await published.ready());
    this.#server = createRepositoryServer({ ...published, ready });
  }

  async onApplicationBootstrap(): Promise<void> {
    const { enabled, host, port } = this.options;
    if (enabled) await this.#server.listen({ host, port });
  }

  /** What other listeners were asked before is still answered, and lists are served meanwhile. */
  onModuleDestroy(): void {
    this.#isStopping = true;
  }

  async onApplicationShutdown(): Promise<void> {
    await this.#server.close();
  }

  /** The port in use; undefined while the repository does not listen. */
  get port(): number | undefined {
    return (this.#server.server.address() as AddressInfo | null)?.port;
  }
}

/** Creates the server of the plain-HTTP listener. Unknown names are answered with 404. A request reads nothing from the disk except published lists. */
function createRepositoryServer(published: Published): FastifyInstance {
  const logger = new Logger('Repository');
  // A log each: what is wrong with OCSP hides nothing of the lists.
  const failed = failureLog(logger);
  const ocsp = published.ocsp && ocspHandler(published.ocsp, failureLog(logger));
  const server = fastify({
    logger: false,
    schemaController: NO_SCHEMAS,
    bodyLimit: 1024,
    forceCloseConnections: true,
    genReqId: () => randomUUID(),
    frameworkErrors: answerUnroutable,
    clientErrorHandler: answerUnreadable,
    serverFactory: (handler) => {
      const http = createServer(
        OPTIONS,
        oneByOne(
          withOneMeaning((request, response) => {
            if (!ocsp?.(request, response)) handler(request, response);
          }),
        ),
      );
      http.on('checkExpectation', (request, response) => {
        http.emit('request', request, response);
      });
      refuseConnect(http);
      http.setTimeout(30_000);
      // Anyone may connect here; the limit leaves file descriptors for the rest of the process.
      shareConnections(http, MAX_CONNECTIONS);
      return http;
    },
  });
  addRoutes(server, published, failureLog(logger));
  server.setNotFoundHandler((_, reply) => notFound(reply));
  // Answers with the status alone: no route reads a body, so there is no detail that would help the client. Why is in the log.
  server.setErrorHandler<FastifyError>((error, { id }, reply) => {
    const { statusCode = 500 } = error;
    if (statusCode >= 500) failed(error, id);
    // They are about the list that cannot be sent.
    for (const name of ['etag', 'last-modified', 'expires', 'accept-ranges', 'content-range']) reply.removeHeader(name);
    return sendProblem(reply, problemOfStatus(statusCode, id));
  });
  return server;
}

/** `failedWithin` hears why a list that was begun could not be sent to its end. */
function addRoutes(server: FastifyInstance, published: Published, failedWithin: Failed): void {
  server.get('/livez', (_, reply) => reply.header('cache-control', 'no-store').send({ status: 'alive' }));
  server.get('/readyz', async (_, reply) => {
    const ready = await published.ready();
    return reply
      .code(ready ? 200 : 503)
      .header('cache-control', 'no-store')
      .send({ status: ready ? 'ready' : 'not ready' });
  });
  server.get('/ca/bundle.pem', (request, reply) => sendDocument(request, reply, PEM, published.bundle()));
  server.get('/.well-known/spiffe/bundle', async (request, reply) =>
    sendDocument(request, reply, 'application/json; charset=utf-8', await published.spiffeBundle()),
  );
  server.get('/ca/cross.pem', (request, reply) => {
    const pem = published.crossCertificates();
    return pem === '' ? notFound(reply) : sendDocument(request, reply, PEM, pem);
  });
  server.get<{ Params: { file: string } }>('/ca/:file', (request, reply) => {
    const [, issuer, extension] = /^([a-z0-9-]+)\.(cer|pem)$/.exec(request.params.file) ?? [];
    const der = issuer === undefined ? undefined : published.certificate(issuer);
    if (!der) return notFound(reply);
    // RFC 2585 §4.1.
    if (extension === 'cer') return sendDocument(request, reply, 'application/pkix-cert', der);
    return sendDocument(request, reply, PEM, encodePem('CERTIFICATE', der));
  });
  server.get<{ Params: { file: string } }>('/crl/:file', (request, reply) => {
    const issuer = /^([a-z0-9-]+)\.crl$/.exec(request.params.file)?.[1];
    const crl = issuer === undefined ? undefined : published.crl(issuer);
    return crl ? sendCrl(request, reply, crl, failedWithin) : notFound(reply);
  });
  server.get<{ Params: { issuer: string; file: string } }>('/crl/:issuer/:file', (request, reply) => {
    const scope = /^(delta|[1-9]\d*)\.crl$/.exec(request.params.file)?.[1];
    const crl = scope === undefined ? undefined : published.crl(request.params.issuer, scope);
    return crl ? sendCrl(request, reply, crl, failedWithin) : notFound(reply);
  });
}

const notFound = (reply: FastifyReply): FastifyReply =>
  sendProblem(reply, problemOfStatus(404, reply.request.id, 'There is nothing here under this name.'));
