import { startStock } from './stock.js';

try {
  const { application } = await startStock(process.argv[2] ?? 'acme', { https: 5443, tcp: 5900 });
  application.enableShutdownHooks();
} catch (error) {
  process.stderr.write(`stock: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
