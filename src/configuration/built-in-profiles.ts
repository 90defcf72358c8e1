import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as z from 'zod';
import { ConfigurationError } from './configuration-error.js';
import { problemsOf } from './problems.js';
import { profileSchema } from './profile.setting.js';
import { objects } from './setting.js';
import { readYamlFile } from './yaml-file.js';

const schema = z.strictObject({ profiles: objects(profileSchema, 'profiles') });
// The package is two folders above both `src/configuration` and the compiled `dist/configuration`.
const FILE = fileURLToPath(new URL('../../config/profiles.yaml', import.meta.url));

/** The profiles of a file, each validated by itself. Lifetimes are in seconds. */
export type WrittenProfiles = z.output<typeof schema>['profiles'];

/** Reads the profiles that are built in: `config/profiles.yaml` of the package. Throws {@link ConfigurationError} with every problem and its line. */
export function readBuiltInProfiles(file = FILE): WrittenProfiles {
  const fromHere = relative('', file);
  const yaml = readYamlFile(fromHere.startsWith('..') ? file : fromHere, true);
  const parsed = schema.safeParse(yaml.value, { jitless: true });
  const issues = yaml.problems.length > 0 ? [] : (parsed.error?.issues ?? []);
  const problems = [
    ...yaml.problems,
    ...problemsOf(issues, { schema, value: yaml.value, sourceOf: yaml.sourceOf.bind(yaml) }),
  ];
  if (!parsed.success || problems.length > 0) throw new ConfigurationError(problems);
  return parsed.data.profiles;
}
