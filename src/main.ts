import { nodeVersionProblem } from './tls/index.js';

// Checked before anything else is loaded: an older Node.js fails at the first import of node:sqlite, with a stack trace instead of a sentence.
const problem = nodeVersionProblem();
if (problem === undefined) {
  const { run } = await import('./service-process.js');
  await run();
} else {
  process.stderr.write(
    `veritas: ${problem}: run it with \`npm start\`, which brings its own Node.js on Linux x64, or install Node.js 24 LTS.\n`,
  );
  process.exitCode = 1;
}
