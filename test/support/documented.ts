import { OpenApiService } from '../../src/api/index.js';
import type { RunningService } from '../../src/service.js';
import type { Answer } from './client.js';

interface Call {
  readonly port: number;
  readonly method: string;
  readonly path: string;
}
type Met = Call & { readonly status: number; readonly type: string; readonly code: string | undefined };
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
  const { status, headers } = answer;
  const type = String(headers['content-type']).replace(/;.*/, '');
  const code = type === PROBLEM && method !== 'HEAD' ? String(answer.json.code) : undefined;
  const [plain = ''] = path.split('?');
  met.set([port, method, plain, status, type, code].join(' '), { port, method, path: plain, status, type, code });
}

/** Throws for each answer that tests met on this service and that its OpenAPI document does not say: a status, a media type, or a code. */
export async function checkDocumented({
  application,
  ports,
}: Pick<RunningService, 'application' | 'ports'>): Promise<void> {
  const here = [...met.values()].filter(({ port }) => port === ports.https);
  if (here.length === 0) return;
  const { paths } = (await application.get(OpenApiService).document()) as { readonly paths: Paths };
  const missing = here.filter((each) => !isDocumented(each, paths));
  if (missing.length > 0)
    throw new Error(
      `the OpenAPI document does not say:\n${missing.map(({ method, path, status, type, code }) => `  ${method} ${path}: ${status} ${code ?? type}`).join('\n')}`,
    );
}

function isDocumented({ method, path, status, type, code }: Met, paths: Paths): boolean {
  const templates = Object.keys(paths).sort((a, b) => Number(a.includes('{')) - Number(b.includes('{')));
  const template = templates.find((each) => new RegExp(`^${each.replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(path));
  const operation = template === undefined ? undefined : paths[template]?.[method.toLowerCase()];
  // What is nowhere is refused by the guard, or not found, or cannot be routed.
  if (!operation) return [400, 401, 403, 404, 429].includes(status);
  const response = operation.responses[status];
  if (!response) return false;
  // A page says nothing about its content.
  if (!response.content) return status === 200;
  const { schema } = response.content[type] ?? {};
  return schema !== undefined && (code === undefined || JSON.stringify(schema.allOf).includes(`"${code}"`));
}
