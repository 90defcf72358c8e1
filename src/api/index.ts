export { ApiModule } from './api.module.js';
export { OpenApiService } from './openapi.service.js';
export type { ServiceDescription } from './service-description.js';
