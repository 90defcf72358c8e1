import { SetMetadata } from '@nestjs/common';
import type { z } from 'zod';

export const ANSWERS_KEY = Symbol('veritas:Answers');
export const TAKES_KEY = Symbol('veritas:Takes');
export const ASKS_KEY = Symbol('veritas:Asks');

/** What a handler answers when all is well. */
export interface Answer {
  readonly schema: z.ZodType;
  readonly status: 200 | 201;
}

/** The schema of what a handler answers, for the OpenAPI document: the type, the description and the documentation in one. */
export const Answers = (schema: z.ZodType, status: Answer['status'] = 200): MethodDecorator =>
  SetMetadata(ANSWERS_KEY, { schema, status } satisfies Answer);

/** The schema of a handler's body in JSON, for the OpenAPI document. */
export const Takes = (schema: z.ZodType): MethodDecorator => SetMetadata(TAKES_KEY, schema);

/** The schema of a handler's query, for the OpenAPI document. */
export const Asks = (schema: z.ZodObject): MethodDecorator => SetMetadata(ASKS_KEY, schema);
