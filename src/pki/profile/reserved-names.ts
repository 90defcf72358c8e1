import { generalNameToString, type GeneralName } from '../../x509/index.js';

/**
 * Names that nobody but an operator, an administrator and the service itself has certified: of services with roles, and those under which the CA itself is
 * reached. Whoever could have them would be an administrator, or answer in the place of the CA.
 */
export class ReservedNames {
  /** As {@link generalNameToString} writes them; a DNS name may begin with `*.`. */
  readonly #names: ReadonlySet<string>;
  /** What the names of many begin with. */
  readonly #prefixes: readonly string[];

  /** `services`: names of services, SPIFFE IDs, and what many of either begin with when a star follows. */
  constructor({ services, names }: { readonly services: readonly string[]; readonly names: readonly GeneralName[] }) {
    const own = services.map((value): GeneralName => ({ kind: value.startsWith('spiffe://') ? 'uri' : 'dns', value }));
    // Some readers of names do not tell capitals from small letters.
    const texts = [...own, ...names].map(textOf);
    this.#names = new Set(texts);
    this.#prefixes = own
      .map(textOf)
      .filter((text) => text.endsWith('*'))
      .map((text) => text.slice(0, -1));
  }

  /**
   * The first of the names that is reserved, but for the `own` name or SPIFFE ID of a service. A URI is by its host or by a word of its path: so would the
   * SPIFFE ID of a service be.
   */
  firstIn(names: readonly GeneralName[], own: string | undefined): string | undefined {
    const owned = own === undefined ? undefined : textOf({ kind: 'dns', value: own });
    const reserved = names
      .filter((name) => name.kind !== 'uri' || name.value !== own)
      .find((name) => waysToRead(name).some((text) => text !== owned && this.#isReserved(text)));
    return reserved && generalNameToString(reserved);
  }

  #isReserved(text: string): boolean {
    return (
      this.#names.has(text) ||
      this.#names.has(wildcardOf(text)) ||
      this.#prefixes.some((prefix) => text.startsWith(prefix))
    );
  }
}

const textOf = (name: GeneralName): string => generalNameToString(name).toLowerCase();

/** The texts under which a name could be taken for a reserved one. */
function waysToRead(name: GeneralName): string[] {
  if (name.kind !== 'uri') return [textOf(name)];
  const [, ...words] = name.value.split(/[^A-Za-z0-9._-]+/);
  return [textOf(name), ...words.map((value) => textOf({ kind: 'dns', value }))];
}

/** `*.example.org` stands for `api.example.org` (RFC 9525 §6.3). */
const wildcardOf = (text: string): string => text.replace(/^(dns:)[^.]+\./, '$1*.');
