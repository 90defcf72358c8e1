import { startStock } from './stock.js';

try {
  const { application, ports } = await startStock(process.argv[2] ?? 'acme', { https: 5443, tcp: 5900 });
  application.enableShutdownHooks();
  process.stdout.write(`stock: https://localhost:${ports.https}/stock, and messages on port ${ports.tcp}\n`);
} catch (error) {
  process.stderr.write(`stock: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
