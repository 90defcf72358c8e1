import { SetMetadata } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type * as z from 'zod';
import type { DocumentedCode } from './documented-codes.js';

export const ANSWERS_KEY = Symbol('veritas:Answers');
export const BODY_KEY = Symbol('veritas:Body');

/** What a handler answers when all goes well, and with which status. */
export interface Answer {
  readonly schema: z.ZodType;
  readonly status: 200 | 201;
  /** Another status that comes with the same kind of body, and what it means. */
  readonly also?: { readonly status: number; readonly description: string } | undefined;
  /** Further media types that a caller may ask for. */
  readonly mediaTypes?: readonly string[] | undefined;
  /** The one media type of an answer that is text, and not JSON. */
  readonly mediaType?: string | undefined;
}

/** What a handler takes as its body. */
export interface DocumentedBody {
  readonly schema: z.ZodType;
  /** Whether it also takes a bare certification request (`application/pkcs10`). */
  readonly orBareRequest?: true;
  /** The query parameters that go with a bare certification request. */
  readonly queryOfBareRequest?: z.ZodObject | undefined;
}

/** What else the OpenAPI document says about a handler. */
export interface Documentation {
  /** The codes that it refuses with, besides those of every route. */
  readonly codes?: readonly DocumentedCode[];
  /** A rule of the handler's own: this role passes, and others under a condition. */
  readonly role?: { readonly name: string; readonly or: string };
  /** It asks for a one-time token, and not for a certificate. */
  readonly byToken?: true;
  /** It takes `If-Match`, and `If-None-Match: *`. */
  readonly isConditional?: true;
  /** It takes `If-None-Match`, and answers 304. */
  readonly isRevalidated?: true;
  /** It answers with an `ETag`. */
  readonly hasEntityTag?: true;
  /** It takes an `Idempotency-Key`. */
  readonly idempotent?: true;
}

/** The schema of a handler's answer, for the OpenAPI document: type, description and documentation in one. */
export const Answers = (
  schema: z.ZodType,
  status: Answer['status'] = 200,
  more: Pick<Answer, 'also' | 'mediaTypes' | 'mediaType'> = {},
): MethodDecorator => SetMetadata(ANSWERS_KEY, { schema, status, ...more } satisfies Answer);

/** The schema of a handler's JSON body, for the OpenAPI document. */
export const Takes = (schema: z.ZodType): MethodDecorator => SetMetadata(BODY_KEY, { schema } satisfies DocumentedBody);

/** As {@link Takes}, for a handler that also takes a bare certification request, with the fields of `queryOfBareRequest` in the query. */
export const TakesRequest = (schema: z.ZodType, queryOfBareRequest?: z.ZodObject): MethodDecorator =>
  SetMetadata(BODY_KEY, { schema, orBareRequest: true, queryOfBareRequest } satisfies DocumentedBody);

/** The schema of a handler's query, for the OpenAPI document. */
export const TakesQuery = Reflector.createDecorator<z.ZodObject>();

/** Marks a handler that is about its caller, or that records who called: without a caller it has nothing to say, so its path is never exempt. */
export const OfCaller = Reflector.createDecorator<never, true>({ transform: () => true });

/** Whether a handler is marked by {@link OfCaller}. */
export const isOfCaller = (handler: object): boolean => Reflect.getMetadata(OfCaller.KEY, handler) === true;

/** The rest of a handler's documentation: whom it refuses, and with which codes. */
export const Documented = Reflector.createDecorator<Documentation>();

/** What {@link Documented} says about a handler. */
export const documentationOf = (handler: object): Documentation =>
  (Reflect.getMetadata(Documented.KEY, handler) ?? {}) as Documentation;
