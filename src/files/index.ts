export { Replacement } from './replacement.js';
