import { SetMetadata } from '@nestjs/common';
import type { z } from 'zod';

export const ANSWERS_KEY = Symbol('veritas:Answers');

/** The schema of what a handler answers with status 200, for the OpenAPI document: the type, the description and the documentation in one. */
export const Answers = (schema: z.ZodType): MethodDecorator => SetMetadata(ANSWERS_KEY, schema);
