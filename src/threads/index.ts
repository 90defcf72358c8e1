export { inTurn } from './turn.js';
