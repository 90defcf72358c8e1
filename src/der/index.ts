export { DecodeError } from './decode-error.js';
export { DerReader, type BitString } from './reader.js';
export { isPrintable } from './string.js';
export { context, contextConstructed, Tag } from './tag.js';
export { timeTagOf } from './time.js';
export * as write from './writer.js';
