/** Whether a request's path (without the query) is exempt. */
export type IsExempt = (url: string) => boolean;

/** An encoded octet, what a router may cut the path off at, a backslash, an empty segment or a dot segment. */
const AMBIGUOUS = /[%#;\\]|\/\/|\/\.{1,2}(?:\/|$)/;

/**
 * Reads the list of exempt paths: exact (`/status`), or everything below a prefix (`/assets/*`). A path is compared as it came, and an
 * {@link AMBIGUOUS} one is never exempt, so that no two readings of a path can disagree. Throws RangeError for an entry that does not start with a
 * slash, is ambiguous, or has a `*` anywhere but at the end.
 */
export function exemptPaths(paths: readonly string[]): IsExempt {
  const exact = new Set<string>();
  const prefixes: string[] = [];
  for (const path of paths) {
    if ((!/^\/[^*?]*(?:\/\*)?$/.test(path) && path !== '/*') || AMBIGUOUS.test(path))
      throw new RangeError(`exemptPaths: ${path} is neither a path, as /status, nor a prefix, as /assets/*`);
    if (path === '/*') throw new RangeError('exemptPaths: /* would exempt every path');
    if (path.endsWith('/*')) prefixes.push(path.slice(0, -1));
    else exact.add(path);
  }
  if (paths.length === 0) return () => false;
  return (url) => {
    const path = url.split('?', 1)[0] ?? '';
    if (AMBIGUOUS.test(path)) return false;
    return exact.has(path) || prefixes.some((prefix) => path.startsWith(prefix));
  };
}

/** Those of the exact `paths` that a route answers; the route has its parameters as `/orders/:id` or `/orders/{id}`. */
export function exemptAt(route: string, paths: readonly string[]): string[] {
  const parts = route.split('/');
  return paths.filter((path) => {
    const given = path.split('/');
    return given.length === parts.length && parts.every((part, index) => /^[:{]/.test(part) || part === given[index]);
  });
}
