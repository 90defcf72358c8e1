export type { Published } from './published.js';
export { createRepositoryServer, RepositoryListener } from './repository.listener.js';
export { RepositoryModule } from './repository.module.js';
