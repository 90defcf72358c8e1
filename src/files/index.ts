export { removeLeftovers, Replacement } from './replacement.js';
