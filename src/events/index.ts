export { EventBus } from './event-bus.js';
export type { EventMap, EventName } from './event-map.js';
