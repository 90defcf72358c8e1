import type { FastifyServerOptions } from 'fastify';

function refuse(): never {
  throw new Error('this listener compiles no JSON schemas');
}

/**
 * A Fastify option: routes here have no JSON schemas for Fastify, so its schema compilers (a hundred files) are not loaded. A route with such a
 * schema would make the start fail.
 */
export const NO_SCHEMAS = {
  compilersFactory: { buildValidator: refuse, buildSerializer: refuse },
} satisfies FastifyServerOptions['schemaController'];
