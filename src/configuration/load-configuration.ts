import { reasonOf, readBoundedFile } from './bounded-file.js';
import { ConfigurationError, type ConfigurationProblem, printable, shown } from './configuration-error.js';
import { type Configuration, configurationSchema } from './configuration.js';
import { type Environment, fileVariable, readEnvironment } from './environment.js';
import { settingsOf } from './outline.js';
import { type Given, keyOf, problemsOf, valueAt } from './problems.js';
import { layOver, put, type SecretFile } from './written.js';
import { readYamlFile } from './yaml-file.js';

const defaultFile = 'config/veritas.yaml';
const secretLimit = 4096;
const settings = settingsOf(configurationSchema);

/**
 * Reads the settings. A value in the environment goes before one in the YAML file, and that before the default. Nothing else is read, and Nest is not
 * needed.
 *
 * - `file`: the YAML file. When absent: the file that `VERITAS_CONFIG` names, else `config/veritas.yaml`, which is the only one that may be missing.
 * - `environment`: the variables; `process.env` when absent. They are never changed.
 *
 * Paths are relative to the working directory. Throws {@link ConfigurationError} with every problem found.
 */
export function loadConfiguration({
  file,
  environment = process.env,
}: { readonly file?: string | undefined; readonly environment?: Environment } = {}): Configuration {
  const named = file ?? environment[fileVariable];
  if (named === '')
    throw new ConfigurationError([
      { path: file === undefined ? fileVariable : '--config', problem: 'is empty; allowed is the path of a file' },
    ]);
  const yaml = readYamlFile(named ?? defaultFile, named !== undefined);
  const variables = readEnvironment(environment, settings);
  const variableOf = new Map(variables.overrides.map(({ setting, variable }) => [setting.key, variable]));
  const sourceOf: Given['sourceOf'] = (path) =>
    variableOf.get(keyOf(path.slice(0, 2))) ?? variableOf.get(keyOf(path.slice(0, 3))) ?? yaml.sourceOf(path);

  const fromFile = { schema: configurationSchema, value: yaml.value, sourceOf: yaml.sourceOf.bind(yaml) };
  const written = layOver(fromFile, variables.overrides);
  const secretProblems = written.secretFiles.flatMap((each) => fillSecret(written.value, each));
  // The schema is used once, and compiling it would take longer than interpreting it.
  const parsed = configurationSchema.safeParse(written.value, { jitless: true });
  const problems: readonly ConfigurationProblem[] = [
    ...yaml.problems,
    ...variables.problems,
    ...written.problems,
    ...secretProblems,
    ...problemsOf(parsed.error?.issues ?? [], { schema: configurationSchema, value: written.value, sourceOf }),
  ];
  if (!parsed.success || problems.length > 0) throw new ConfigurationError(problems);
  hideSecrets(parsed.data);
  return frozen(parsed.data);
}

function fillSecret(value: unknown, { path, file, source }: SecretFile): readonly ConfigurationProblem[] {
  const place = { path: `${keyOf(path)}File`, ...(source === undefined ? {} : { source }) };
  if (typeof file !== 'string' || file === '') return [{ ...place, seen: shown(file), allowed: 'the path of a file' }];
  try {
    const secret = readBoundedFile(file, secretLimit, { isSecret: true }).trim();
    if (secret === '') return [{ ...place, problem: `${printable(file)} is empty` }];
    put(value, path, secret);
    return [];
  } catch (error) {
    return [{ ...place, problem: `${printable(file)} cannot be read: ${reasonOf(error)}` }];
  }
}

function hideSecrets(configuration: object): void {
  for (const { path } of settings.filter(({ secret }) => secret)) {
    const parent = valueAt(configuration, path.slice(0, -1));
    const key = path.at(-1);
    if (typeof parent !== 'object' || parent === null || key === undefined || !Object.hasOwn(parent, key)) continue;
    Object.defineProperty(parent, key, { enumerable: false });
  }
}

function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    Object.values(value).forEach(frozen);
    Object.freeze(value);
  }
  return value;
}
