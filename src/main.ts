import { requireNodeVersion } from './node-version.js';

// Before anything else is loaded: an older Node.js stops at the first import of node:sqlite, with a stack instead of a sentence.
requireNodeVersion();
const { run } = await import('./service.js');
await run();
