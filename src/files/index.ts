export { isMountPoint } from './mount-points.js';
export { removeLeftovers, Replacement } from './replacement.js';
export { mendOfUnwritable } from './unwritable.js';
