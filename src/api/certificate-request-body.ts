import { errorCodes, type FastifyInstance, type FastifyRequest } from 'fastify';
import * as z from 'zod';
import { parseDuration } from '../configuration/index.js';
import type { IssueRequest } from '../pki/index.js';
import { generalNameFromString, type GeneralName } from '../x509/index.js';
import { issuanceSchema, issuanceTermsSchema, renewalSchema } from './certificates.schemas.js';
import { MalformedRequest } from './malformed-request.js';
import { UnsupportedCoding } from './unsupported-coding.js';

/** The media type of a certification request (RFC 5967). */
const PKCS10 = 'application/pkcs10';

/**
 * Lets the server take certification requests as bodies, and JSON, of which nothing is no body; no text, which Fastify takes by itself and nothing here
 * asks for, and nothing compressed. To be called before the server is ready. The listener's limit on bodies holds.
 */
export function acceptBodies(server: FastifyInstance): void {
  if (server.hasContentTypeParser(PKCS10)) return;
  server.addContentTypeParser(
    PKCS10,
    { parseAs: 'buffer' },
    uncoded((_, body, done) => {
      done(null, body);
    }),
  );
  server.removeContentTypeParser('text/plain');
  const parseJson = server.getDefaultJsonParser('error', 'error');
  server.addContentTypeParser(
    'application/json',
    { parseAs: 'string' },
    uncoded((request, body: string, done) => {
      if (body === '') done(null);
      else void parseJson(request, body, done);
    }),
  );
}

type BodyParser<Body extends string | Buffer> = (
  request: FastifyRequest,
  body: Body,
  done: (error: Error | null, body?: unknown) => void,
) => void;

/** `parse` for bodies without a content coding (RFC 9110 §8.4): read as they are, they would be called malformed, and not compressed. */
const uncoded =
  <Body extends string | Buffer>(parse: BodyParser<Body>): BodyParser<Body> =>
  (request, body, done) => {
    const { 'content-encoding': coding = 'identity' } = request.headers;
    if (coding.toLowerCase() === 'identity') parse(request, body, done);
    else done(new UnsupportedCoding());
  };

/** What to issue, from a JSON body, or from a bare request with the rest in the query. Throws MalformedRequest. */
export function issuanceOf(request: FastifyRequest): Omit<IssueRequest, 'requester'> {
  if (!isRequest(request.body)) {
    checkNoQuery(request);
    const { csr, ...terms } = parse(issuanceSchema, request.body, 'the body');
    return { request: csr, ...termsOf(terms) };
  }
  const { names, ...query } = request.query as Record<string, unknown>;
  // A parameter that is given once is text, and one that is given several times is a list.
  const terms = names === undefined ? query : { ...query, names: [names].flat() };
  return { request: request.body, ...termsOf(parse(issuanceTermsSchema, terms, 'the query')) };
}

/** The certification request of a renewal or an enrollment. Throws MalformedRequest. */
export function csrOf(request: FastifyRequest): string | Uint8Array {
  checkNoQuery(request);
  const { body } = request;
  return isRequest(body) ? body : parse(renewalSchema, body, 'the body').csr;
}

/** The token of `Authorization: Bearer …` (RFC 6750 §2.1); undefined when there is none. */
export const bearerTokenOf = ({ headers: { authorization = '' } }: FastifyRequest): string | undefined =>
  /^Bearer +(\S{1,255})$/i.exec(authorization)?.[1];

/** The Idempotency-Key of a request. Throws MalformedRequest unless it is 1 to 255 printable ASCII characters. */
export function idempotencyKeyOf({ headers }: FastifyRequest): string | undefined {
  const key = headers['idempotency-key'];
  if (key === undefined) return undefined;
  if (typeof key !== 'string' || !/^[\x21-\x7e]{1,255}$/.test(key))
    throw new MalformedRequest('the Idempotency-Key must be 1 to 255 printable ASCII characters');
  return key;
}

/**
 * Checks that a request for a change has no query where it has no use for one: whoever wrote `?reason=keyCompromise` meant it. Throws MalformedRequest.
 */
export function checkNoQuery({ query }: FastifyRequest): void {
  parse(NO_QUERY, query, 'the query');
}

const NO_QUERY = z.strictObject({});

/** Proves a value by its schema. Throws a MalformedRequest that says what is wrong in `what`, and where, and Fastify's 415 for a bare request. */
export function parse<Schema extends z.ZodType>(schema: Schema, value: unknown, what: string): z.output<Schema> {
  if (isRequest(value)) throw new errorCodes.FST_ERR_CTP_INVALID_MEDIA_TYPE();
  if (typeof value !== 'object') throw new MalformedRequest(`${what} is not a JSON object`);
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const problems = result.error.issues
    .slice(0, 10)
    .map(({ path, message }) => [...path.map(String), message].join(': '));
  throw new MalformedRequest(`${what} is not as documented: ${problems.join('; ').slice(0, 500)}`);
}

const isRequest = (body: unknown): body is Buffer => Buffer.isBuffer(body);

function termsOf({ profile, service, names = [], ttl }: z.output<typeof issuanceTermsSchema>) {
  const lifetime = ttl === undefined ? undefined : parseDuration(ttl, 's');
  if (ttl !== undefined && lifetime === undefined)
    throw new MalformedRequest('ttl must be a length of time such as 24h, 30d or 15m, or a number of seconds');
  return { profile, service, names: names.map(nameOf), lifetime };
}

function nameOf(text: string): GeneralName {
  const name = generalNameFromString(text);
  if (!name) throw new MalformedRequest('a name must be written as DNS:name, IP:address or URI:uri');
  return name;
}
