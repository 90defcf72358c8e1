export { AnsweringThread } from './answering-thread.js';
export { inTurn } from './turn.js';
