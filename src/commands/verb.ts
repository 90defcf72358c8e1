import type { Readable } from 'node:stream';
import type { Command } from 'commander';
import { lifetimeArgument, nameArgument } from './arguments.js';
import { Output, type Streams } from './output.js';
import type { Configuration } from '../configuration/index.js';
import type { RoutePolicy } from '../mtls/index.js';
import type { Session } from './session.js';

/** A route of the service, and who may call it. */
export interface DescribedRoute {
  readonly method: string;
  /** With the names of its parameters: `/orders/:id`. */
  readonly path: string;
  readonly policy: RoutePolicy;
  /** What the handler itself asks of the caller: this role, or something else. */
  readonly role?: { readonly name: string; readonly or: string };
  /** Open to whoever has a one-time token. */
  readonly byToken?: true;
  /** Its paths that are open to anybody, whatever the policy says. */
  readonly exempt: readonly string[];
}

/** What the command line runs on: by `cli.ts` the process, in a test something else. */
export interface Host {
  readonly streams: Streams;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** stdin. */
  readonly input: () => Readable;
  readonly version: string;
  readonly now: () => Date;
  /** The routes of the service to which this command line belongs, as it is configured; absent where there is none. */
  readonly routes?: (configuration: Configuration) => Promise<readonly DescribedRoute[]>;
}

/** The flags that every verb has. */
export interface CommonOptions {
  readonly json?: boolean;
  readonly config?: string;
}

export const EXIT_CODES = `
Exit codes:
  0  done
  1  refused, or a check failed
  2  the command was not understood
  3  configuration, store, keys, files or a service cannot be used`;

type Example = readonly [command: string, what: string];

/** A verb below `parent`, with the flags that all verbs have. */
export function verb(parent: Command, name: string, description: string, worked: readonly Example[]): Command {
  return verbs(parent, name, description, worked)
    .option('--json', 'the result as JSON')
    .option('--config <file>', 'the configuration (default: what VERITAS_CONFIG names, or config/veritas.yaml)');
}

/** A word that has verbs below it. */
export function verbs(parent: Command, name: string, description: string, worked: readonly Example[]): Command {
  return parent
    .command(name)
    .description(examples(description, worked))
    .summary(description)
    .addHelpText('after', EXIT_CODES);
}

/** The flags of the verbs that issue a certificate. `more`: a profile that only this verb offers. */
export function withTerms(command: Command, more?: string): Command {
  const profiles = ['server', 'client', 'service', 'spiffe', 'ocsp-responder', 'crl-issuer', ...(more ? [more] : [])];
  return command
    .option('--profile <profile>', `what it is for: ${profiles.join(', ')}, or one of pki.profiles`, 'service')
    .option('--san <name>', 'another name: DNS:name, IP:address or URI:uri; can be repeated', nameArgument)
    .option(
      '--ttl <time>',
      "how long it is valid: 24h, 30d (default: the profile's, or pki.serviceLifetime)",
      lifetimeArgument,
    );
}

/** A description with worked examples, which come before the flags. Commander does not wrap indented lines. */
export function examples(description: string, worked: readonly Example[]): string {
  return `${description}\n\nExamples:\n${worked.map(([command, what]) => `  ${command}\n      # ${what}`).join('\n')}`;
}

/** The session that a verb works with. */
export function sessionOf(host: Host, { json = false, config }: CommonOptions): Session {
  const { environment, input, now } = host;
  return { output: new Output(host.streams, json), environment, configFile: config, input, now };
}
