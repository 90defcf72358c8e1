import * as z from 'zod';
import { routePolicyOf, type HandlerClass, type RoutePolicy } from '../mtls/index.js';
import {
  ANSWERS_KEY,
  documentationOf,
  BODY_KEY,
  TakesQuery,
  type Answer,
  type Documentation,
  type DocumentedBody,
} from './answers.decorator.js';
import {
  documentedCode,
  BODY_CODES,
  GUARD_CODES,
  OPEN_CODES,
  PATH_CODES,
  STORE_CODES,
  type DocumentedCode,
} from './documented-codes.js';
import { problemSchema } from './api.schemas.js';

/** An operation of the OpenAPI document, with the fields that are completed here. */
export interface Operation {
  readonly operationId?: string;
  summary?: string;
  description?: string;
  security?: Record<string, string[]>[];
  requestBody?: object;
  parameters?: object[];
  responses?: object;
  /** Who may call, without the names of services, which are nobody's business. */
  'x-veritas-access'?: object;
}

/** The method that serves an operation, and its class; their decorators hold the rest. */
export interface Handler {
  readonly handler: object;
  readonly controller: HandlerClass;
}

/** The responses of an operation, by status. */
type Responses = Record<string, { readonly description: string; readonly content?: object; readonly headers?: object }>;

/** What operations refer to. (OpenAPI 3.1 has `mutualTLS`; the types of the document's builder are those of 3.0.) */
export const COMPONENTS = {
  schemas: { Problem: z.toJSONSchema(problemSchema) },
  securitySchemes: {
    mutualTLS: {
      type: 'mutualTLS',
      description:
        'The client certificate of a service; where a requirement names roles, of a service that has one of them.',
    },
    enrollmentToken: { type: 'http', scheme: 'bearer', description: 'A one-time token of `veritas token`.' },
  },
};

/**
 * Writes into an operation what the decorators of its handler say: who may call it, what it takes and gives, and what it refuses with. `method` in lower
 * case. `exempt`: those of its paths that are open to anybody all the same; its own `path`, or some that its parameters allow.
 */
export function completeOperation(
  operation: Operation,
  { handler, controller }: Handler,
  { method, path, exempt }: { readonly method: string; readonly path: string; readonly exempt: readonly string[] },
): void {
  const answer = Reflect.getMetadata(ANSWERS_KEY, handler) as Answer | undefined;
  const body = Reflect.getMetadata(BODY_KEY, handler) as DocumentedBody | undefined;
  const query = Reflect.getMetadata(TakesQuery.KEY, handler) as z.ZodObject | undefined;
  const documentation = documentationOf(handler);
  const policy: RoutePolicy = exempt.includes(path) ? { public: true } : routePolicyOf(handler, controller);
  const { security, who } = admissionOf(policy, documentation);
  operation.summary = answer?.schema.description ?? 'The page.';
  operation.description = who;
  operation.security = security;
  operation['x-veritas-access'] = accessRuleOf(policy, exempt);
  if (body) operation.requestBody = bodyOf(body);
  operation.parameters = [
    ...(operation.parameters ?? []),
    ...(query ? parametersOf(query) : []),
    ...(body?.queryOfBareRequest ? parametersOf(body.queryOfBareRequest) : []),
    ...(documentation.idempotent ? [IDEMPOTENCY_KEY] : []),
    ...(documentation.isConditional ? [IF_MATCH, IF_NONE] : []),
    ...(documentation.isRevalidated ? [IF_NONE_MATCH] : []),
  ];
  const guarded = security.some((requirement) => 'mutualTLS' in requirement);
  operation.responses = merged(
    successOf(answer, documentation),
    problemsOf([
      ...(guarded ? GUARD_CODES : OPEN_CODES),
      ...(path.includes('{') ? PATH_CODES : []),
      // What comes with a DELETE is read, though nobody asks for it.
      ...(body || method === 'delete' ? BODY_CODES : []),
      ...(query || documentation.isConditional || documentation.isRevalidated ? (['bad_request'] as const) : []),
      // Whatever the CA is asked, the store is asked too.
      ...(documentation.codes ? [...STORE_CODES, ...documentation.codes] : []),
      'internal_server_error',
      'service_unavailable',
    ]),
  );
}

/** What the guard asks of a caller on this route. */
function accessRuleOf(policy: RoutePolicy, exempt: readonly string[]): object {
  if (policy.public) return { admits: 'anybody' };
  const any_role_of = policy.authorizers.flatMap(({ anyRoleOf = [] }) => anyRoleOf);
  return {
    admits: policy.anyService ? 'certificate' : 'listed service',
    ...(any_role_of.length > 0 ? { any_role_of } : {}),
    ...(policy.allowExpired ? { expired: true } : {}),
    ...(policy.shadow ? { shadow: true } : {}),
    ...(exempt.length > 0 ? { anybody_at: exempt } : {}),
  };
}

function admissionOf(
  policy: RoutePolicy,
  { role, byToken }: Documentation,
): { readonly security: Record<string, string[]>[]; readonly who: string } {
  if (byToken) return { security: [{ enrollmentToken: [] }], who: 'Whoever has a one-time token.' };
  if (policy.public) return { security: [], who: 'Anybody.' };
  if (role)
    return {
      security: [{ mutualTLS: [role.name] }, { mutualTLS: [] }],
      who: `Any service with the role \`${role.name}\`; others: ${role.or}.`,
    };
  if (policy.anyService)
    return { security: [{ mutualTLS: [] }], who: 'Whoever has a trusted certificate, on the list of services or not.' };
  const names = policy.authorizers.flatMap(({ anyRoleOf = [] }) => anyRoleOf);
  return names.length > 0
    ? {
        security: names.map((name) => ({ mutualTLS: [name] })),
        who: `Any service with the role ${names.map((name) => `\`${name}\``).join(' or ')}.`,
      }
    : { security: [{ mutualTLS: [] }], who: 'Any service on the list of services.' };
}

const json = (schema: z.ZodType) => ({
  content: { 'application/json': { schema: z.toJSONSchema(schema, { io: 'input' }) } },
});

function bodyOf({ schema, orBareRequest }: DocumentedBody): object {
  const { description = '' } = schema;
  const { content } = json(schema);
  const octets = { schema: { description: 'A certification request (RFC 2986), DER or PEM, as RFC 5967 has it.' } };
  return {
    description,
    required: !schema.safeParse({}).success,
    content: { ...content, ...(orBareRequest ? { 'application/pkcs10': octets } : {}) },
  };
}

function successOf(answer: Answer | undefined, { hasEntityTag, isRevalidated }: Documentation): Responses {
  if (!answer) return { 200: { description: 'The page.' } };
  const { schema, status, also, mediaTypes = [], mediaType } = answer;
  const content = mediaType === undefined ? json(schema).content : { [mediaType]: { schema: { type: 'string' } } };
  const headersOf = (each: number) => {
    const headers = { ...(each === 201 ? { Location: LOCATION } : {}), ...(hasEntityTag ? { ETag: ENTITY_TAG } : {}) };
    return Object.keys(headers).length > 0 ? { headers } : {};
  };
  const others = mediaTypes.map((type) => [type, { schema: { type: 'string' } }]);
  return {
    [status]: {
      description: schema.description ?? '',
      ...headersOf(status),
      content: { ...content, ...(Object.fromEntries(others) as object) },
    },
    ...(also
      ? {
          [also.status]: {
            description: also.description,
            ...headersOf(also.status),
            content,
          },
        }
      : {}),
    ...(isRevalidated ? { 304: { description: 'It is at a version of `If-None-Match`.', ...headersOf(304) } } : {}),
  };
}

const RETRY_AFTER = { description: 'Seconds until there is a request again.', schema: { type: 'integer' } };
const ENTITY_TAG = { description: 'The version, for `If-Match`.', schema: { type: 'string' } };
const TAG = '(W/)?"[\\x21\\x23-\\x7e]*"';
// A list may have empty elements (RFC 9110 §5.6.1.2).
const TAGS = `^(\\*|[ \\t,]*${TAG}([ \\t]*,[ \\t,]*${TAG})*[ \\t,]*)$`;
const condition = (name: string, description: string, pattern: string) => ({
  name,
  in: 'header',
  required: false,
  description,
  schema: { type: 'string', pattern },
});
const IF_MATCH = condition(
  'If-Match',
  'Only if it is at this version: the `ETag` that was read, several, or `*` for any.',
  TAGS,
);
const IF_NONE = condition('If-None-Match', '`*`: only if there is none.', '^\\*$');
const IF_NONE_MATCH = condition(
  'If-None-Match',
  'Only if it is at another version than the `ETag` that was read.',
  TAGS,
);
const LOCATION = { description: 'The path of what was made.', schema: { type: 'string' } };
const IDEMPOTENCY_KEY = {
  name: 'Idempotency-Key',
  in: 'header',
  required: false,
  description: 'For a day the same request under the same key gives the same certificate.',
  schema: { type: 'string', pattern: '^[\\x21-\\x7e]{1,255}$' },
};

/** The responses of both; where both have a status, with both descriptions and the content of both. */
function merged(answers: Responses, problems: Responses): Responses {
  const both = Object.entries(problems).map(([status, problem]) => {
    const answer = answers[status];
    if (!answer) return [status, problem];
    const description = `${answer.description}\n\n${problem.description}`;
    return [status, { ...answer, description, content: { ...answer.content, ...problem.content } }];
  });
  return { ...answers, ...(Object.fromEntries(both) as Responses) };
}

/** A problem document for each status, with the codes that it may carry and what mends them. */
function problemsOf(codes: readonly DocumentedCode[]): Responses {
  const byStatus = Map.groupBy(new Set(codes), (code) => documentedCode(code).status);
  return Object.fromEntries(
    [...byStatus].map(([status, each]) => [
      status,
      {
        description: each.map((code) => `- \`${code}\`: ${documentedCode(code).mend.replace(/\.$/, '')}.`).join('\n'),
        ...(status === 429 ? { headers: { 'Retry-After': RETRY_AFTER } } : {}),
        content: {
          'application/problem+json': {
            schema: {
              allOf: [{ $ref: '#/components/schemas/Problem' }, { properties: { code: { enum: each } } }],
            },
          },
        },
      },
    ]),
  );
}

function parametersOf(query: z.ZodObject): object[] {
  const { properties = {}, required = [] } = z.toJSONSchema(query, { io: 'input' });
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    in: 'query',
    required: required.includes(name),
    schema,
  }));
}
