import type * as z from 'zod';
import { stringify } from 'yaml';
import { formatDuration } from './duration.js';
import { descriptionOf, fieldsOf, groupDescription, type Setting, settingsOf } from './outline.js';

/** Makes `docs/configuration.md`: a table for each namespace, with the variable, the default and the allowed values of every setting of `schema`. */
export function describeAsMarkdown(schema: z.ZodObject): string {
  const sections = namespacesOf(schema).map(({ namespace, description, settings }) => {
    const table = tableOf(
      ['Setting', 'Environment', 'Default', 'Allowed', 'Meaning'],
      settings.map((setting) => [
        `\`${writtenKey(setting)}\``,
        `\`${setting.variable}\``,
        setting.fallback === undefined ? 'none' : codeOf(setting),
        allowedOf(setting),
        setting.description,
      ]),
    );
    return [`## ${namespace}`, '', description, '', ...table, ...settings.flatMap(fieldsTable)].join('\n');
  });
  return `${[introduction, ...sections].join('\n\n')}\n`;
}

/**
 * Makes `config/veritas.yaml`: every default, commented out. A line with one `#` is a setting and a line with two is an explanation, so that removing
 * one `#` from each line gives YAML that contains exactly the defaults.
 */
export function describeAsYaml(schema: z.ZodObject): string {
  const sections = namespacesOf(schema).map(({ namespace, description, settings }) => {
    let group = '';
    const lines = settings.flatMap((setting) => {
      const unused = setting.fallback === undefined;
      const value = unused ? ' …' : yamlOf(setting);
      // Settings that are nested deeper have no default.
      const [parent = '', nested] = setting.path.slice(1, 3);
      const head = nested === undefined || parent === group ? [] : headOf(schema, [namespace, parent]);
      group = nested === undefined ? '' : parent;
      const indent = nested === undefined ? '' : '  ';
      const written = `${keyIn(setting)}:${value}`
        .split('\n')
        .map((line) => `${unused ? '##' : '#'}  ${indent}${line}`);
      const text = `${setting.description} Allowed: ${allowedOf(setting)}.`;
      return [...head, '##', ...wrapped(text, `  ${indent}`), ...written];
    });
    return ['', ...wrapped(description, ''), `#${namespace}:`, ...lines].join('\n');
  });
  return `${[header, ...sections].join('\n')}\n`;
}

/** A table of the fields of each object, for a setting that is a list of objects. */
function fieldsTable({ key, fields }: Setting): readonly string[] {
  if (fields.length === 0) return [];
  const rows = fields.map((field) => [
    `\`${field.key}\``,
    field.required ? 'required' : 'optional',
    field.allowed,
    field.description,
  ]);
  return ['', `### One of ${key}`, '', ...tableOf(['Field', '', 'Allowed', 'Meaning'], rows)];
}

function tableOf(head: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), `|${'---|'.repeat(head.length)}`, ...rows.map(line)];
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
- **Secrets** are never written here: a setting names the file that holds one, which only its owner may read; the ends of its text are trimmed of white space.
- **Paths** are relative to the working directory.
- Kubernetes' own variables for a Service called \`veritas\` or \`veritas-…\` (\`VERITAS_SERVICE_HOST\`, \`VERITAS_PORT=tcp://…\`) are passed over.`;

const header = `## Settings of Veritas. What begins with one # is a default: take the # off a line, and off its namespace, to change it.
## Lines that end in … have no default: take both # off, and off what they stand in, and say something for the ….
## The environment goes before this file: VERITAS_TLS_MIN_VERSION for tls.minVersion. docs/configuration.md has it all.`;

function namespacesOf(schema: z.ZodObject) {
  const settings = settingsOf(schema);
  return fieldsOf(schema).map(([namespace, inner]) => ({
    namespace,
    description: descriptionOf(inner),
    settings: settings.filter(({ path }) => path[0] === namespace),
  }));
}

/** The lines that begin a nested object. Its settings follow them. */
const headOf = (schema: z.ZodObject, path: readonly string[]) => [
  '##',
  ...wrapped(groupDescription(schema, path)),
  `##  ${path.at(-1) ?? ''}:`,
];

/** The key as it is written in the innermost object. */
const keyIn = ({ path, secret }: Setting) => `${path.at(-1) ?? ''}${secret ? 'File' : ''}`;

const writtenKey = ({ path, secret }: Setting) => `${path.slice(1).join('.')}${secret ? 'File' : ''}`;

const allowedOf = ({ secret, allowed }: Setting) => (secret ? `the path of a file that holds ${allowed}` : allowed);

/** The default as a person would write it: a duration with its unit, every other value unchanged. */
function writtenDefault({ fallback, unit }: Setting): unknown {
  return unit !== undefined && typeof fallback === 'number' ? formatDuration(fallback, unit) : fallback;
}

function codeOf(setting: Setting): string {
  const value = writtenDefault(setting);
  if (!Array.isArray(value)) return `\`${String(value)}\``;
  return value.length === 0 ? 'empty' : value.map((item) => `\`${inlineYaml(item)}\``).join(', ');
}

/** An item of a list on one line. */
const inlineYaml = (item: unknown): string => stringify(item, { collectionStyle: 'flow', lineWidth: 0 }).trim();

/** What comes after the colon: a scalar on the same line, or a list on the lines below. */
function yamlOf(setting: Setting): string {
  const value = writtenDefault(setting);
  const text = stringify(value, { lineWidth: 0 }).trimEnd();
  return Array.isArray(value) && value.length > 0 ? `\n${text.replaceAll(/^/gm, '  ')}` : ` ${text}`;
}

/** Breaks a text into lines of explanation of about 110 characters at most. */
function wrapped(text: string, indent = '  '): readonly string[] {
  const lines = text.match(/\S.{0,107}(?=\s|$)/g) ?? [];
  return lines.map((line) => `##${indent === '' ? ' ' : indent}${line}`);
}
