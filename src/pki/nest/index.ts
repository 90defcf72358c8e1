export * from '../index.js';
export { CERTIFICATION_AUTHORITY, PkiModule } from './pki.module.js';
export type { PkiModuleOptions } from './pki.module-definition.js';
