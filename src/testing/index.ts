export { standInIdentity, type StandIn } from './stand-in.js';
export { generateTestKeyPair, TestCa, type Issued, type TestCertificateOptions, type TestKeyType } from './test-ca.js';
