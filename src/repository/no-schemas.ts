import type { FastifyServerOptions } from 'fastify';

function refuse(): never {
  throw new Error('this listener compiles no JSON schemas');
}

/**
 * For Fastify: no route of ours has one of its JSON schemas, so what compiles them is not loaded, a hundred files for each process. A route that came with one
 * would end the start.
 */
export const NO_SCHEMAS = {
  compilersFactory: { buildValidator: refuse, buildSerializer: refuse },
} satisfies FastifyServerOptions['schemaController'];
