import { ConfigurableModuleBuilder } from '@nestjs/common';
import type { MtlsOptions } from './mtls.options.js';

export const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN } = new ConfigurableModuleBuilder<MtlsOptions>()
  .setClassMethodName('forRoot')
  .build();
