import { setFlagsFromString } from 'node:v8';
import { nodeVersionProblem } from './tls/index.js';

// Checked before anything else is loaded: an older Node.js fails at the first import of node:sqlite, with a stack trace instead of a sentence.
const problem = nodeVersionProblem();
if (problem === undefined) {
  // What is loaded stays. V8 would take that for a reason to give its young generation all the memory that it may have, and would keep it.
  setFlagsFromString('--semi-space-growth-factor=1');
  const { run } = await import('./service-process.js');
  // V8's own: from now on it grows as the work needs it.
  setFlagsFromString('--semi-space-growth-factor=2');
  await run();
} else {
  process.stderr.write(
    `veritas: ${problem}: run it with \`npm start\`, which brings its own Node.js on Linux x64, or install Node.js 24 LTS.\n`,
  );
  process.exitCode = 1;
}
