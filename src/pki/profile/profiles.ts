import { PkiError } from '../pki-error.js';
import type { EndEntityProfile, IntermediateProfile } from './profile.js';
import type { ProfileDefinition } from './profile-definition.js';
import { kindOf, provenEndEntity, provenIntermediate } from './proven-profile.js';

/** Every profile that can be asked for: those that are built in, and the operator's own, which go before. */
export class Profiles {
  readonly #endEntities = new Map<string, EndEntityProfile>();
  readonly #intermediates = new Map<string, IntermediateProfile>();
  /** What they were made of. */
  readonly definitions: readonly ProfileDefinition[];

  /** Throws RangeError for a definition that contradicts itself. */
  constructor({
    builtIn,
    own = [],
    serviceLifetime,
  }: {
    readonly builtIn: readonly ProfileDefinition[];
    readonly own?: readonly ProfileDefinition[] | undefined;
    /** Seconds. */
    readonly serviceLifetime: number;
  }) {
    for (const definitions of [builtIn, own])
      if (new Set(definitions.map(({ name }) => name)).size !== definitions.length)
        throw new RangeError('two profiles have the same name');
    this.definitions = [...new Map([...builtIn, ...own].map((each) => [each.name, each])).values()];
    for (const definition of this.definitions)
      if (kindOf(definition) === 'intermediate')
        this.#intermediates.set(definition.name, provenIntermediate(definition));
      else this.#endEntities.set(definition.name, provenEndEntity(definition, serviceLifetime));
  }

  /** Those of end entities. */
  get names(): readonly string[] {
    return [...this.#endEntities.keys()];
  }

  /** The profile of an end entity. Throws PkiError `profile_unknown`. */
  named(name: string): EndEntityProfile {
    if (this.#intermediates.has(name))
      throw new PkiError(
        'profile_unknown',
        `the profile ${name} is for a CA whose key is elsewhere (\`veritas sign --profile ${name}\`), others are ${this.names.join(', ')}`,
      );
    return this.#endEntities.get(name) ?? unknown(name, this.names);
  }

  /** The profile of a CA whose key is elsewhere. Throws PkiError `profile_unknown`. */
  intermediate(name: string): IntermediateProfile {
    return this.#intermediates.get(name) ?? unknown(name, [...this.#intermediates.keys()]);
  }
}

function unknown(name: string, known: readonly string[]): never {
  throw new PkiError(
    'profile_unknown',
    `there is no profile ${JSON.stringify(name.slice(0, 64))}, only ${known.join(', ')}`,
  );
}
