export { ExitCode } from './exit-code.js';
export { runCommandLine, type Host } from './program.js';
