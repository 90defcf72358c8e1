import { SetMetadata } from '@nestjs/common';
import type { z } from 'zod';
import type { DocumentedCode } from './documented-codes.js';

export const ANSWERS_KEY = Symbol('veritas:Answers');
export const BODY_KEY = Symbol('veritas:Body');
export const QUERY_KEY = Symbol('veritas:Query');
const DOCUMENTATION_KEY = Symbol('veritas:Documented');
const CALLER_KEY = Symbol('veritas:OfCaller');

/** What a handler answers when all is well, and under which statuses. */
export interface Answer {
  readonly schema: z.ZodType;
  readonly status: 200 | 201;
  /** Another status that comes with the same kind of body, and when. */
  readonly also?: { readonly status: number; readonly description: string } | undefined;
  /** Other media types that it may be asked for in. */
  readonly mediaTypes?: readonly string[] | undefined;
  /** Text of this media type, and no JSON. */
  readonly mediaType?: string | undefined;
}

/** What a handler takes as its body. */
export interface DocumentedBody {
  readonly schema: z.ZodType;
  /** Whether it takes a bare certification request (`application/pkcs10`) as well. */
  readonly orBareRequest?: true;
  /** What stands in the query of a bare request. */
  readonly queryOfBareRequest?: z.ZodObject | undefined;
}

/** The rest of what the document says about a handler. */
export interface Documentation {
  /** What it refuses with, beside what every route does. */
  readonly codes?: readonly DocumentedCode[];
  /** A rule of its own: this role passes, and others on a condition. */
  readonly role?: { readonly name: string; readonly or: string };
  /** It has no certificate to look at, and asks for a one-time token instead. */
  readonly byToken?: true;
  /** It takes `If-Match` and `If-None-Match: *`. */
  readonly isConditional?: true;
  /** It answers with an `ETag`. */
  readonly hasEntityTag?: true;
  /** It takes an `Idempotency-Key`. */
  readonly idempotent?: true;
}

/** The schema of what a handler answers, for the OpenAPI document: the type, the description and the documentation in one. */
export const Answers = (
  schema: z.ZodType,
  status: Answer['status'] = 200,
  more: Pick<Answer, 'also' | 'mediaTypes' | 'mediaType'> = {},
): MethodDecorator => SetMetadata(ANSWERS_KEY, { schema, status, ...more } satisfies Answer);

/** The schema of a handler's body in JSON, for the OpenAPI document. */
export const Takes = (schema: z.ZodType): MethodDecorator => SetMetadata(BODY_KEY, { schema } satisfies DocumentedBody);

/** As {@link Takes}, of a handler that takes a bare certification request as well, with the fields of `queryOfBareRequest` in the query. */
export const TakesRequest = (schema: z.ZodType, queryOfBareRequest?: z.ZodObject): MethodDecorator =>
  SetMetadata(BODY_KEY, { schema, orBareRequest: true, queryOfBareRequest } satisfies DocumentedBody);

/** The schema of a handler's query, for the OpenAPI document. */
export const TakesQuery = (schema: z.ZodObject): MethodDecorator => SetMetadata(QUERY_KEY, schema);

/** Marks a handler that is about its caller, or records who it was: without one it has nothing to say, and its path is never exempt. */
export const OfCaller = (): MethodDecorator => SetMetadata(CALLER_KEY, true);

/** Whether a handler is marked so. */
export const isOfCaller = (handler: object): boolean => Reflect.getMetadata(CALLER_KEY, handler) === true;

/** What {@link Documented} says of a handler. */
export const documentationOf = (handler: object): Documentation =>
  (Reflect.getMetadata(DOCUMENTATION_KEY, handler) ?? {}) as Documentation;

/** What else the OpenAPI document says: what the handler refuses with, and whom. */
export const Documented = (documentation: Documentation): MethodDecorator =>
  SetMetadata(DOCUMENTATION_KEY, documentation);
