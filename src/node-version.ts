const NEEDED = [24, 21];

/**
 * Ends the process with status 1 and one sentence when Node.js is older than 24.21: before that a resumed TLS session without any
 * certificate calls itself authorized (nodejs/node#35317).
 */
export function requireNodeVersion(version: string = process.versions.node): void {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [neededMajor = 0, neededMinor = 0] = NEEDED;
  if (major > neededMajor || (major === neededMajor && minor >= neededMinor)) return;
  process.stderr.write(
    `veritas: Node.js ${version} is too old, ${NEEDED.join('.')} or newer is needed: run it with \`npm start\`, which brings its own on Linux x64, or install Node.js 24 LTS.\n`,
  );
  process.exit(1);
}
