import { startService } from '../../src/service.js';
import { configurationIn } from '../support/configuration.js';
import { serve } from '../support/subject.js';

const service = await startService(configurationIn(process.argv[2] ?? ''));
serve(service.ports.repository ?? 0);
