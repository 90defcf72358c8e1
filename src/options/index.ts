export {
  func,
  flag,
  isFunction,
  isNumber,
  isTable,
  isText,
  listOf,
  oneOf,
  only,
  optionsOfModule,
  text,
  type Check,
} from './checked-options.js';
