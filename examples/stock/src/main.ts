import { startStock } from './stock.js';

const { application } = await startStock(process.argv[2] ?? 'acme', { https: 5443, tcp: 5900 });
application.enableShutdownHooks();
