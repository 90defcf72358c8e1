import { Logger, PinoLogger } from 'nestjs-pino';
import type { LogConfig } from './configuration/index.js';

// The contexts in which Nest reports its own start, with a line for each module and each route.
const FRAMEWORK = new Set([
  'InstanceLoader',
  'LazyModuleLoader',
  'NestApplication',
  'NestFactory',
  'NestMicroservice',
  'RouterExplorer',
  'RoutesResolver',
]);

/** Logs lines of JSON to standard output. Whatever is named like a key, a passphrase or an authorization is hidden, up to two levels deep. */
export function createLogger(config: Pick<LogConfig, 'level'>): Logger {
  const secrets = ['passphrase', 'keyPassphrase', 'key', 'keyPem', 'privateKey', 'authorization', 'password', 'token'];
  return new QuietLogger(
    new PinoLogger({
      pinoHttp: {
        level: config.level,
        base: null,
        timestamp: () => `,"time":"${new Date().toISOString()}"`,
        formatters: { level: (level) => ({ level }) },
        redact: { paths: secrets.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]), censor: '(hidden)' },
      },
    }),
    {},
  );
}

class QuietLogger extends Logger {
  override log(message: unknown, ...rest: unknown[]): void {
    const context = rest.at(-1);
    if (typeof context === 'string' && FRAMEWORK.has(context)) this.debug(message, ...rest);
    else super.log(message, ...rest);
  }
}
