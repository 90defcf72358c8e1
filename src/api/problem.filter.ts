import { STATUS_CODES } from 'node:http';
import { Catch, HttpException, Logger, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { MtlsRefusal, problemOf, problemOfStatus, sendProblem, sendRefusal } from '../mtls/index.js';
import { PkiError, StoreError } from '../pki/index.js';
import { RegistryError } from '../registry/index.js';
import { UnsupportedCoding } from './unsupported-coding.js';

/**
 * Turns every error into a problem document (RFC 9457). Refusals become what mtls makes of them (which of two global filters Nest asks depends on the
 * order of modules); refusals by the CA, the registry and the store have their codes; Nest's HTTP exceptions have their status; and anything else
 * becomes a 500 without a word about its cause, which is logged under the request id.
 */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  readonly #logger = new Logger('Api');

  catch(error: unknown, host: ArgumentsHost): void {
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    if (error instanceof MtlsRefusal) {
      sendRefusal(reply, error);
      return;
    }
    const requestId = reply.request.id;
    if (error instanceof PkiError || error instanceof RegistryError || error instanceof StoreError) {
      this.#refuse(reply, error);
      return;
    }
    const status = statusOf(error);
    if (status >= 500) this.#logger.error({ event: 'failed', request_id: requestId, err: error });
    // A message below 500 was written for the caller; one above may hold anything.
    const detail = status < 500 && error instanceof Error ? error.message : undefined;
    if (error instanceof UnsupportedCoding) void reply.header('accept-encoding', 'identity');
    const isOfType = status === 415 && !(error instanceof UnsupportedCoding);
    sendProblem(reply, problemOfStatus(status, requestId, isOfType ? MEDIA_TYPES : detail));
  }

  /**
   * A refusal by the CA, the registry or the store. Below 500 it is for the requester to mend; from 500 on it is for the operator, and nobody else is
   * told why.
   */
  #refuse(reply: FastifyReply, error: PkiError | RegistryError | StoreError): void {
    const { code, status } = error;
    const requestId = reply.request.id;
    if (status >= 500) this.#logger.error({ event: 'failed', request_id: requestId, code, err: error });
    // RFC 9110 §11.6.1. The only 401 of the CA is about a token.
    if (status === 401) void reply.header('www-authenticate', 'Bearer');
    const title = STATUS_CODES[status] ?? 'Error';
    const detail =
      !(error instanceof StoreError) && status < 500
        ? `${capitalised(error.message)}. ${capitalised(error.mend)}.`
        : OPERATOR;
    sendProblem(reply, problemOf({ status, title, detail, code, requestId }));
  }
}

const OPERATOR =
  'The certification authority cannot do this now. The operator finds the cause in the log under the request id.';
const MEDIA_TYPES =
  'A body is taken as application/json and, where it is a certification request, as application/pkcs10.';
const capitalised = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

function statusOf(error: unknown): number {
  if (error instanceof HttpException) return error.getStatus();
  // Fastify's own errors (too large, unsupported media type, malformed body) carry their status.
  const status = error instanceof Error && 'statusCode' in error ? error.statusCode : undefined;
  return typeof status === 'number' && status >= 400 && status < 500 ? status : 500;
}
