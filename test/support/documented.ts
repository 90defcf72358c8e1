import { Ajv2020 } from 'ajv/dist/2020.js';
import { OpenApiService } from '../../src/api/index.js';
import type { RunningService } from '../../src/service.js';
import type { Answer } from './client.js';

interface Call {
  readonly port: number;
  readonly method: string;
  readonly path: string;
}
type Met = Call & {
  readonly status: number;
  readonly type: string;
  readonly code: string | undefined;
  readonly text: string;
};
interface Response {
  readonly content?: Readonly<Record<string, { readonly schema?: { readonly allOf?: readonly unknown[] } }>>;
}
type Paths = Readonly<
  Record<string, Readonly<Record<string, { readonly responses: Readonly<Record<string, Response>> }>>>
>;

const PROBLEM = 'application/problem+json';
const met = new Map<string, Met>();

/** Keeps what a service was asked and what it answered, for {@link checkDocumented}. */
export function remember({ port, method, path }: Call, answer: Answer): void {
  const { status, headers, text } = answer;
  const type = String(headers['content-type']).replace(/;.*/, '');
  const code = type === PROBLEM && method !== 'HEAD' ? String(answer.json.code) : undefined;
  const [plain = ''] = path.split('?');
  met.set([port, method, plain, status, type, code].join(' '), { port, method, path: plain, status, type, code, text });
}

/** Throws for each answer that tests met on this service and that its OpenAPI document does not say: a status, a media type, a code, or a field of its JSON. */
export async function checkDocumented({
  application,
  ports,
}: Pick<RunningService, 'application' | 'ports'>): Promise<void> {
  const here = [...met.values()].filter(({ port }) => port === ports.https);
  if (here.length === 0) return;
  const document = JSON.parse((await application.get(OpenApiService).document()).toString()) as {
    readonly paths: Paths;
  };
  const ajv = new Ajv2020({ strict: false, validateFormats: false, validateSchema: false });
  ajv.addSchema(closed(document) as object, 'openapi');
  const missing = here.filter((each) => !isDocumented(each, document.paths, ajv));
  if (missing.length > 0)
    throw new Error(
      `the OpenAPI document does not say:\n${missing.map(({ method, path, status, type, code }) => `  ${method} ${path}: ${status} ${code ?? type}`).join('\n')}`,
    );
}

function isDocumented({ method, path, status, type, code, text }: Met, paths: Paths, ajv: Ajv2020): boolean {
  const templates = Object.keys(paths).sort((a, b) => Number(a.includes('{')) - Number(b.includes('{')));
  const template = templates.find((each) => new RegExp(`^${each.replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(path));
  const operation = template === undefined ? undefined : paths[template]?.[method.toLowerCase()];
  // What is nowhere is refused by the guard, or not found, or cannot be routed.
  if (!operation) return [400, 401, 403, 404, 429].includes(status);
  const response = operation.responses[status];
  if (!response) return false;
  // A page says nothing about its content, and 304 has none.
  if (!response.content) return status === 200 || status === 304;
  const { schema } = response.content[type] ?? {};
  if (schema === undefined || (code !== undefined && !JSON.stringify(schema.allOf).includes(`"${code}"`))) return false;
  if (!type.endsWith('json')) return true;
  const place = ['paths', template ?? '', method.toLowerCase(), 'responses', status, 'content', type, 'schema'];
  const pointer = place.map((part) => encodeURIComponent(String(part).replaceAll('~', '~0').replaceAll('/', '~1')));
  return ajv.validate({ $ref: `openapi#/${pointer.join('/')}` }, JSON.parse(text));
}

/** A copy in which objects have the fields that they say and no others: what is sent is to be written down. */
function closed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(closed);
  if (typeof value !== 'object' || value === null) return value;
  const copy = Object.fromEntries(Object.entries(value).map(([key, each]) => [key, closed(each)]));
  return copy.type === 'object' && 'properties' in copy && !('additionalProperties' in copy)
    ? { ...copy, additionalProperties: false }
    : copy;
}
