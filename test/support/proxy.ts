import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { ForwardedFormatName } from '../../src/mtls/index.js';
import { freePort } from './free-port.js';

/** A proxy as config/ has it. */
export interface ProxyKind {
  readonly name: 'nginx' | 'haproxy' | 'apache' | 'caddy';
  readonly format: ForwardedFormatName;
  /** The shipped file. */
  readonly file: string;
  /** What its package leaves to the operator, around that file; `file` is where it lies, all else belongs into `folder`. */
  readonly main: (file: string, folder: string) => string | undefined;
  readonly command: (main: string, file: string) => readonly [string, ...string[]];
}

const module = (name: string): string => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`;

export const PROXIES: readonly ProxyKind[] = [
  {
    name: 'nginx',
    format: 'escaped-pem',
    file: 'config/nginx/veritas.conf',
    main: (file, folder) =>
      [
        'daemon off; worker_processes 1; error_log stderr;',
        `pid ${folder}/pid;`,
        'events {}',
        `http { access_log off; ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((each) => `${each}_temp_path ${folder}/${each};`).join(' ')}`,
        `include ${file}; }`,
      ].join('\n'),
    command: (main) => ['nginx', '-c', main],
  },
  {
    name: 'haproxy',
    format: 'base64-der',
    file: 'config/haproxy/haproxy.cfg',
    main: () => undefined,
    command: (_, file) => ['haproxy', '-db', '-f', file],
  },
  {
    name: 'apache',
    format: 'spaced-pem',
    file: 'config/apache/veritas.conf',
    main: (file, folder) =>
      [
        ...['mpm_event', 'authz_core', 'ssl', 'http2', 'proxy', 'proxy_http', 'headers', 'socache_shmcb'].map(module),
        `PidFile ${folder}/pid`,
        `DefaultRuntimeDir ${folder}`,
        'Listen 443\nServerName localhost\nUser www-data\nGroup www-data\nErrorLog /dev/stderr\nProtocols h2 http/1.1',
        `Include ${file}`,
      ].join('\n'),
    command: (main) => ['apache2', '-X', '-f', main],
  },
  {
    name: 'caddy',
    format: 'rfc9440',
    file: 'config/caddy/Caddyfile',
    main: () => undefined,
    command: (_, file) => ['caddy', 'run', '--adapter', 'caddyfile', '--config', file],
  },
];

/** A real proxy in front of a service, with the shipped configuration: only ports and paths are others. */
export class RunningProxy {
  private constructor(
    readonly kind: ProxyKind,
    readonly port: number,
    private readonly process: ChildProcess,
  ) {}

  /** `folder` holds what docs/proxies.md has put into /etc/veritas/proxy, and is written to. Throws, with what the proxy said, when it does not start. */
  static async start(kind: ProxyKind, folder: string, upstream: number): Promise<RunningProxy> {
    const port = await freePort();
    const withPort = (text: string): string =>
      text.replaceAll(/(?<=listen |bind :|Listen |\*:|https:\/\/:)443\b/g, String(port));
    const text = readFileSync(kind.file, 'utf8')
      .replaceAll('/etc/veritas/proxy', folder)
      .replaceAll(/(?<=(?:127\.0\.0\.1|localhost):)5000\b/g, String(upstream));
    const file = join(folder, `${kind.name}.shipped`);
    writeFileSync(file, withPort(text));
    const main = join(folder, `${kind.name}.main`);
    writeFileSync(main, withPort(kind.main(file, folder) ?? ''));
    const [program, ...options] = kind.command(main, file);
    // A file, as Apache opens its standard error by name.
    const log = join(folder, `${kind.name}.log`);
    const said = openSync(log, 'a', 0o644);
    const child = spawn(program, options, {
      stdio: ['ignore', said, said],
      env: { ...process.env, HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder },
    });
    closeSync(said);
    const started = new AbortController();
    const ended = once(child, 'exit', { signal: started.signal }).then(([code]) => {
      throw new Error(`${program} ended with ${String(code)}: ${readFileSync(log, 'utf8')}`);
    });
    try {
      await Promise.race([ended, untilListening(port)]);
    } finally {
      started.abort();
      ended.catch(() => undefined);
    }
    return new RunningProxy(kind, port, child);
  }

  async stop(): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const ended = once(this.process, 'exit');
    this.process.kill('SIGTERM');
    await ended;
  }
}

async function untilListening(port: number): Promise<void> {
  for (;;) {
    const socket = connect(port, '127.0.0.1');
    try {
      await once(socket, 'connect');
      return;
    } catch {
      await wait(20);
    } finally {
      socket.destroy();
    }
  }
}
