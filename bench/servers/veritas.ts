import { startService } from '../../src/service.js';
import { configurationIn } from '../support/configuration.js';
import { serve } from '../support/subject.js';

const [, , folder = '', port, more = '{}'] = process.argv;
const settings = JSON.parse(more) as Record<string, string>;
const service = await startService(configurationIn(folder, port, settings));
serve(service.ports.https);
