import { Logger, PinoLogger } from 'nestjs-pino';
import type { LogConfig } from './configuration/index.js';

// What Nest says of its own start: one line a module and a route.
const FRAMEWORK = new Set(['InstanceLoader', 'NestFactory', 'NestApplication', 'RoutesResolver', 'RouterExplorer']);

/** Lines of JSON on standard output. Whatever is called a key, a passphrase or an authorization is blotted out, wherever it turns up. */
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
