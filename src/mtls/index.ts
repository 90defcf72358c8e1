export {
  CrlRevocation,
  fetchCrl,
  firstKnown,
  type CrlSource,
  type CrlStanding,
  type RevocationAnswer,
  type RevocationMode,
  type RevocationStatus,
} from '../revocation/index.js';
export { addressGroup } from './address-group.js';
export { AllowAnyService } from './allow-any-service.decorator.js';
export { AllowExpired } from './allow-expired.decorator.js';
export { RequireRoles, AllowServices, Authorize } from './allow-services.decorator.js';
export { allOf, anyOf, roles, services, type Authorizer, type Decision } from './authorizer.js';
export { ClientIdentity } from './client-identity.decorator.js';
export { ClientIdentityInterceptor } from './client-identity.interceptor.js';
export { VerifiedClientIdentity } from './client-identity.js';
export { DecisionCounts } from './decision-counts.js';
export type { BundleStanding, FederatedDomain } from './federation/federated-trust.js';
export { BundleError } from './federation/spiffe-bundle.js';
export { FederatedTrust } from './federation/federated-trust.js';
export type { ForwardedFormatName } from './forwarded/forwarded-format.js';
export type { TrustedProxy } from './forwarded/trusted-proxies.js';
export { identityOf, type IdentifiedRequest } from './identified-request.js';
export { MtlsRefusal, REFUSALS, type RefusalCode } from './mtls.errors.js';
export { MtlsGate } from './mtls.gate.js';
export { MtlsGuard } from './mtls.guard.js';
export { MtlsModule } from './mtls.module.js';
export type { MtlsOptions } from './mtls.options.js';
export type { Rate } from './rates/rate.js';
export { RateLimit } from './rates/rate-limit.decorator.js';
export type { RateExchange } from './rates/rate-exchange.js';
export type { RateOf, Spent } from './rates/rate-limiter.js';
export {
  PEER_OF,
  peerOfSocket,
  presentedCertificate,
  type Peer,
  type PeerOf,
  type PresentedCertificate,
} from './peer-certificate.js';
export { oneByOne } from './pipelined-requests.js';
export { PROBLEM_CONTENT_TYPE, problemOf, problemOfStatus, type Problem } from './problem.js';
export { Public } from './public.decorator.js';
export { CHECK_OF, checksUpTo, type GuardCheck } from './refusal-checks.js';
export { closeSession, sendProblem, sendRefusal } from './refusal-reply.js';
export type { HandlerClass } from './handler-methods.js';
export { exemptAt } from './exempt-paths.js';
export { routePolicyOf, type RoutePolicy } from './route-policy.js';
export {
  isServiceName,
  NoServiceNameError,
  serviceNameOf,
  type ServiceName,
  type ServicePlace,
} from './service-name.js';
export { Shadow } from './shadow.decorator.js';
export type { ShadowedRequest } from './shadowed-request.js';
export { spiffeIdOf } from '../x509/index.js';
export { accessOf, type ProspectiveCaller, type RouteAccess } from './route-access.js';
export { ServiceRoles, type RolesInput } from './service-roles.js';
export { servicePatterns } from './service-pattern.js';
export {
  answerStatus,
  answerUnreadable,
  answerUnroutable,
  refuseConnect,
  withOneMeaning,
} from './unreadable-request.js';
export { vouchingFor, type Vouching } from './trust-domains.js';
export { readTrustAnchors, type CertificateInput, type CurrentTrust, type TrustAnchors } from './trust-anchors.js';
