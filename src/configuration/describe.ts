import type { z } from 'zod';
import { stringify } from 'yaml';
import { formatDuration } from './duration.js';
import { descriptionOf, fieldsOf, type Setting, settingsOf } from './outline.js';

/** `docs/configuration.md`: every setting of `schema` with its variable, default and what is allowed, a table for each namespace. */
export function describeAsMarkdown(schema: z.ZodObject): string {
  const sections = namespacesOf(schema).map(({ namespace, description, settings }) => {
    const rows = settings.map((setting) => {
      const cells = [
        `\`${writtenKey(setting)}\``,
        `\`${setting.variable}\``,
        setting.fallback === undefined ? 'none' : codeOf(setting),
        allowedOf(setting),
        setting.description,
      ];
      return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
    });
    return [
      `## ${namespace}`,
      '',
      description,
      '',
      '| Setting | Environment | Default | Allowed | Meaning |',
      '|---|---|---|---|---|',
      ...rows,
    ].join('\n');
  });
  return `${[introduction, ...sections].join('\n\n')}\n`;
}

/**
 * `config/veritas.yaml`: every default, commented out. One `#` begins a setting, two an explanation, so that taking one `#` off each line
 * gives YAML that says exactly the defaults.
 */
export function describeAsYaml(schema: z.ZodObject): string {
  const sections = namespacesOf(schema).map(({ namespace, description, settings }) => {
    const lines = settings.flatMap((setting) => {
      const unused = setting.fallback === undefined;
      const value = unused ? ' …' : yamlOf(setting);
      const [, ...rest] = setting.path;
      // What is nested has no default, and is shown as it is written on one line.
      const line = rest.length > 1 ? `${rest.join(': { ')}:${value} }` : `${writtenKey(setting)}:${value}`;
      const written = line.split('\n').map((line) => `${unused ? '##' : '#'}  ${line}`);
      return ['##', ...wrapped(`${setting.description} Allowed: ${allowedOf(setting)}.`), ...written];
    });
    return ['', ...wrapped(description, ''), `#${namespace}:`, ...lines].join('\n');
  });
  return `${[header, ...sections].join('\n')}\n`;
}

const introduction = `# Configuration

<!-- Generated from the schemas in src/configuration: run its specs with UPDATE_DOCS=1. -->

Settings come from \`config/veritas.yaml\` and, over it, from the environment. \`VERITAS_CONFIG\` names another file; only the default one may
be missing. All is read once, at the start. Unknown keys, unknown \`VERITAS_…\` variables and bad values stop the start, and each is named
with where it was written, what was seen and what is allowed.

- **Variables** are the path in capitals: \`tls.minVersion\` is \`VERITAS_TLS_MIN_VERSION\`. Lists are separated by commas, and an empty value is
  the empty list; lists of objects are JSON: \`VERITAS_MTLS_CRLS='[{"source":"other.crl","issuer":"other.pem"}]'\`.
  In YAML they are \`crls: [{ source: other.crl, issuer: other.pem }]\`, or one \`- source: …\` for each.
- **Durations** are a number of the unit named under "Allowed", or text: \`500ms\`, \`10s\`, \`15m\`, \`24h\`, \`30d\`.
- **Secrets** are never written here: a setting names the file that holds one, and the ends of the file's text are trimmed of white space.
- **Paths** are relative to the working directory.
- Kubernetes' own variables for a Service called \`veritas\` (\`VERITAS_SERVICE_HOST\`, \`VERITAS_PORT=tcp://…\`) are passed over.`;

const header = `## Settings of Veritas. Everything here is a default: take the # off a line, and off its namespace, to change it.
## The environment goes before this file: VERITAS_TLS_MIN_VERSION for tls.minVersion. docs/configuration.md has it all.`;

function namespacesOf(schema: z.ZodObject) {
  const settings = settingsOf(schema);
  return fieldsOf(schema).map(([namespace, inner]) => ({
    namespace,
    description: descriptionOf(inner),
    settings: settings.filter(({ path }) => path[0] === namespace),
  }));
}

const writtenKey = ({ path, secret }: Setting) => `${path.slice(1).join('.')}${secret ? 'File' : ''}`;

const allowedOf = ({ secret, allowed }: Setting) => (secret ? `the path of a file that holds ${allowed}` : allowed);

/** The default as one would write it: a duration with its unit, the rest as it is. */
function writtenDefault({ fallback, unit }: Setting): unknown {
  return unit !== undefined && typeof fallback === 'number' ? formatDuration(fallback, unit) : fallback;
}

function codeOf(setting: Setting): string {
  const value = writtenDefault(setting);
  if (!Array.isArray(value)) return `\`${String(value)}\``;
  return value.length === 0 ? 'empty' : value.map((item) => `\`${String(item)}\``).join(', ');
}

/** What follows the colon: a scalar on the same line, a list below. */
function yamlOf(setting: Setting): string {
  const value = writtenDefault(setting);
  const text = stringify(value, { lineWidth: 0 }).trimEnd();
  return Array.isArray(value) && value.length > 0 ? `\n${text.replaceAll(/^/gm, '  ')}` : ` ${text}`;
}

/** `text` as lines of explanation of at most about 110 characters. */
function wrapped(text: string, indent = '  '): readonly string[] {
  const lines = text.match(/\S.{0,107}(?=\s|$)/g) ?? [];
  return lines.map((line) => `##${indent === '' ? ' ' : indent}${line}`);
}
