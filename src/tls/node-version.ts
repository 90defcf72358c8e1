const NEEDED = [24, 21];

/**
 * What to say when Node.js is older than 24.21, undefined when it is not: before that a resumed TLS session without any certificate calls
 * itself authorized (nodejs/node#35317), and there is no node:sqlite.
 */
export function nodeVersionProblem(version: string = process.versions.node): string | undefined {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [neededMajor = 0, neededMinor = 0] = NEEDED;
  if (major > neededMajor || (major === neededMajor && minor >= neededMinor)) return undefined;
  return `Node.js ${version} is too old, ${NEEDED.join('.')} or newer is needed`;
}
