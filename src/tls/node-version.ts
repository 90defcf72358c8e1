/**
 * What to say of a Node.js that cannot be used, undefined of one that can: before 24.21 and 26.8, and in all of 25, a resumed TLS session without any
 * certificate calls itself authorized (nodejs/node#35317); before 24 there is no node:sqlite either.
 */
export function nodeVersionProblem(version: string = process.versions.node): string | undefined {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > 26 || (major === 26 && minor >= 8) || (major === 24 && minor >= 21)) return undefined;
  return `Node.js ${version} cannot be used, 24.21, or 26.8 or newer, is needed`;
}
