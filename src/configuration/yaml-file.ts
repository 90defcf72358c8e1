import { isMap, isNode, isPair, isScalar, LineCounter, parseDocument, type Document } from 'yaml';
import { reasonOf, readBoundedFile, systemCodeOf } from './bounded-file.js';
import { type ConfigurationProblem, printable } from './configuration-error.js';

/** Files of settings are far smaller. The limit keeps a wrong or endless file from being parsed. */
const octetLimit = 65_536;
const ONLY_COMMENTS = /^(?: *(?:#[^\n]*)?\n)*$/;

/** The content of a YAML file before it is validated. */
export interface YamlFile {
  /** Plain values; `{}` for an absent or empty file. */
  readonly value: unknown;
  /** Where `path` is written, in the form `config/veritas.yaml:3`; `undefined` when it is not in the file. */
  sourceOf(path: readonly PropertyKey[]): string | undefined;
  readonly problems: readonly ConfigurationProblem[];
}

/**
 * Reads YAML 1.2 in its core schema, without merge keys, custom tags, aliases and keys that stand twice. A missing file is a problem only when it is
 * `required`. Never throws: whatever goes wrong is in `problems`, with its line, but without its text, which may be a secret.
 */
export function readYamlFile(file: string, required: boolean): YamlFile {
  const failed = (problem: string): YamlFile => ({
    value: {},
    sourceOf: () => undefined,
    problems: [{ path: printable(file), problem }],
  });
  let text: string;
  try {
    text = readBoundedFile(file, octetLimit);
  } catch (error) {
    const code = systemCodeOf(error);
    if (code === 'ENOENT' && !required) return { value: {}, sourceOf: () => undefined, problems: [] };
    return failed(`cannot be read: ${reasonOf(error)}${code === 'EFBIG' ? ` (over ${octetLimit} octets)` : ''}`);
  }
  // The file as it is delivered: every setting is a comment.
  if (ONLY_COMMENTS.test(text)) return { value: {}, sourceOf: () => undefined, problems: [] };
  const lines = new LineCounter();
  try {
    const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, stringKeys: true });
    const faults = [...document.errors, ...document.warnings];
    if (faults.length > 0) {
      const problems = faults.map(({ code, pos }) => ({
        path: `${printable(file)}:${lines.linePos(pos[0]).line}`,
        problem: `is not the YAML expected here (${code.toLowerCase().replaceAll('_', ' ')})`,
      }));
      return { value: {}, sourceOf: () => undefined, problems };
    }
    const value: unknown = document.toJS({ maxAliasCount: 0 }) ?? {};
    return { value, sourceOf: (path) => sourceIn(document, lines, file, path), problems: [] };
  } catch {
    // The file has an alias, or is nested more deeply than the stack allows.
    return failed('is not the YAML expected here (aliases and very deep nesting are refused)');
  }
}

function sourceIn(
  document: Document,
  lines: LineCounter,
  file: string,
  path: readonly PropertyKey[],
): string | undefined {
  const parent: unknown = document.getIn(path.slice(0, -1), true);
  const last = path.at(-1);
  const pair = isMap(parent)
    ? parent.items.find((item) => isPair(item) && isScalar(item.key) && item.key.value === last)
    : undefined;
  const node: unknown = pair?.key ?? document.getIn(path, true);
  const offset = isNode(node) ? node.range?.[0] : undefined;
  return offset === undefined ? undefined : `${printable(file)}:${lines.linePos(offset).line}`;
}
