export { NO_SCHEMAS } from './no-schemas.js';
export type { Published } from './published.js';
export { RepositoryListener } from './repository.listener.js';
export { RepositoryModule } from './repository.module.js';
