export { makeFolders } from './folders.js';
export { removeLeftovers } from './leftovers.js';
export { isMountPoint } from './mount-points.js';
export { Replacement } from './replacement.js';
export { mendOfUnwritable } from './unwritable.js';
