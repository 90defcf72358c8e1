export { runCommandLine } from './program.js';
export type { DescribedRoute } from './verb.js';
