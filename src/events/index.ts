export { EventBus } from './event-bus.js';
export type {
  BackgroundFailed,
  CertificateIssued,
  CertificateRevoked,
  CrlPublished,
  EventMap,
  EventName,
  IssuanceRefused,
  IssuerCreated,
  RevocationsChanged,
} from './event-map.js';
