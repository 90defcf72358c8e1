/**
 * Why a version of Node.js cannot be used, as a sentence without its full stop; undefined when it can. Before 24.21, in all of 25, and before 26.8 a
 * resumed TLS session without any certificate calls itself authorized (nodejs/node#35317); before 24 there is no node:sqlite either.
 */
export function nodeVersionProblem(version: string = process.versions.node): string | undefined {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > 26 || (major === 26 && minor >= 8) || (major === 24 && minor >= 21)) return undefined;
  return `Node.js ${version} is not supported; Veritas needs 24.21 or a later 24.x, or 26.8 or later`;
}
