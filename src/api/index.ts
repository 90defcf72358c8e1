export { Answers, isOfCaller, documentationOf } from './answers.decorator.js';
export { healthSchema, metricsPageSchema } from './api.schemas.js';
export { ApiModule } from './api.module.js';
export { OpenApiService } from './openapi.service.js';
export type { ServiceDescription } from './service-description.js';
