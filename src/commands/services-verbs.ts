import { Option, type Command } from 'commander';
import { countArgument, dateArgument, expectedVersionArgument, textsArgument } from './arguments.js';
import { ROLES } from '../configuration/index.js';
import { CommandError } from './command-error.js';
import { ExitCode } from './exit-code.js';
import type { ChangeOptions, TermsOptions } from './services-change.js';
import type { MatrixOptions } from './services-matrix.js';
import { sessionOf, verb, verbs, type CommonOptions, type Host } from './verb.js';

const NAME = 'a service, a SPIFFE ID, or a pattern: team-*, spiffe://example.org/ns/*';

/** `veritas services` and the verbs below it. */
export function addServices(program: Command, host: Host): void {
  const services = verbs(
    program,
    'services',
    'The services that may call: a running service acts on a change within a second.',
    [
      ['veritas services list', 'of the configuration and of the registry'],
      ['veritas services allow billing --until 30d', 'from now on, for a month'],
      ['veritas services deny billing', 'whatever the configuration says'],
    ],
  );
  addReading(services, host);
  addChanging(services, host);
  addMatrix(services, host);
}

function addReading(services: Command, host: Host): void {
  verb(services, 'list', 'List every entry, by name.', [
    ['veritas services list', 'a table'],
    ['veritas services list --state shadow', 'what is only tried'],
    ['veritas services list --json', 'for a script'],
  ])
    .addOption(new Option('--state <state>', 'only those').choices(['allowed', 'denied', 'shadow']))
    .action(async (options: CommonOptions & { readonly state?: string }) => {
      const { servicesList } = await import('./services.js');
      await servicesList(sessionOf(host, options), options);
    });
  verb(
    services,
    'show',
    'Show the entry that holds for a service, which may be a pattern; exit code 1 when there is none.',
    [
      ['veritas services show billing', 'by its name'],
      ['veritas services show spiffe://example.org/ns/billing', 'by its SPIFFE ID'],
      ['veritas services show billing --json', 'for a script'],
    ],
  )
    .argument('<name>', NAME)
    .action(async (name: string, options: CommonOptions) => {
      const { servicesShow } = await import('./services.js');
      await servicesShow(sessionOf(host, options), name);
    });
  verb(services, 'history', 'Show what became of an entry: who changed it, when, and to what.', [
    ['veritas services history billing', 'the last change first'],
    ['veritas services history billing --limit 1', 'the last one'],
    ['veritas services history billing --json', 'with all terms, for a script'],
  ])
    .argument('<name>', NAME)
    .option('--limit <count>', 'at most so many (default: 100)', countArgument)
    .action(async (name: string, options: CommonOptions & { readonly limit?: number }) => {
      const { servicesHistory } = await import('./services.js');
      await servicesHistory(sessionOf(host, options), name, options);
    });
  verb(services, 'report', 'Show the calls that shadows let pass, and that would have been refused.', [
    ['veritas services report', 'the latest first'],
    ['veritas services report --limit 20', 'the latest twenty'],
    ['veritas services report --json', 'for a script'],
  ])
    .option('--limit <count>', 'at most so many (default: 1000)', countArgument)
    .action(async (options: CommonOptions & { readonly limit?: number }) => {
      const { servicesReport } = await import('./services.js');
      await servicesReport(sessionOf(host, options), options);
    });
}

function addChanging(services: Command, host: Host): void {
  const put = (command: Command, state: 'allowed' | 'denied' | 'shadow'): Command =>
    withServiceTerms(command).action(async (name: string, options: CommonOptions & TermsOptions) => {
      const { servicesPut } = await import('./services-change.js');
      await servicesPut(sessionOf(host, options), name, state, options);
    });
  put(
    verb(services, 'allow', 'Let a service in, or change what it may.', [
      ['veritas services allow billing', 'a name; with the roles that it has'],
      ['veritas services allow "spiffe://example.org/ns/*" --note "the cluster"', 'a pattern'],
      ['veritas services allow billing --pin billing.pem --pin 3f0a9c… --role auditor', 'two keys, and a role'],
    ]),
    'allowed',
  );
  put(
    verb(services, 'deny', 'Shut a service out, whatever a pattern or the configuration says.', [
      ['veritas services deny billing', 'its next request is refused'],
      ['veritas services deny "team-*" --note "moved away"', 'a pattern; names with an entry of their own stay'],
      ['veritas services deny billing --expected-version 3', 'only if nobody changed it meanwhile'],
    ]),
    'denied',
  );
  put(
    verb(
      services,
      'shadow',
      'Let a service in, and report what the entry would refuse: see `veritas services report`.',
      [
        ['veritas services shadow billing', 'who would miss it? each call is reported'],
        ['veritas services shadow billing --tries allowed --pin a.pem --pin b.pem', 'calls with another key are'],
        ['veritas services shadow "team-*"', 'a pattern'],
      ],
    ).addOption(
      new Option('--tries <state>', 'what is tried: denied reports every call, allowed those against its terms')
        .choices(['denied', 'allowed'])
        .default('denied'),
    ),
    'shadow',
  );
  withVersion(
    verb(services, 'remove', 'Remove an entry: what a pattern or the configuration says holds again.', [
      ['veritas services remove billing', 'a name on the configured list is let in again'],
      ['veritas services remove billing --expected-version 3', 'only if nobody changed it meanwhile'],
      ['veritas services remove "team-*" --json', 'for a script'],
    ]),
  ).action(async (name: string, options: CommonOptions & ChangeOptions) => {
    const { servicesRemove } = await import('./services-change.js');
    await servicesRemove(sessionOf(host, options), name, options);
  });
}

function addMatrix(services: Command, host: Host): void {
  verb(services, 'matrix', 'Say for each route and each service what happens to a call, and why.', [
    ['veritas services matrix', 'a table'],
    ['veritas services matrix --service billing --json', 'of one service, for a script'],
    ['veritas services matrix --openapi', 'as x-veritas-access, to lay over /openapi.json'],
  ])
    .option(
      '--service <name>',
      'only of this entry, or of a service for which a pattern holds; can be repeated',
      textsArgument,
    )
    .option('--openapi', 'as an extension of the OpenAPI document')
    .action(async (options: CommonOptions & MatrixOptions) => {
      const { routes } = host;
      if (!routes)
        throw new CommandError(
          'this program does not know the routes of a service',
          ExitCode.unusable,
          'use the program of the service',
        );
      const { servicesMatrix } = await import('./services-matrix.js');
      await servicesMatrix(sessionOf(host, options), options, routes);
    });
}

function withVersion(command: Command): Command {
  return command
    .argument('<name>', NAME)
    .option(
      '--expected-version <version>',
      'only if it is at this version; 0 is the configuration',
      expectedVersionArgument,
    );
}

function withServiceTerms(command: Command): Command {
  return withVersion(command)
    .option('--role <role>', `a role: ${ROLES.join(', ')}; can be repeated; those before are replaced`, textsArgument)
    .option('--from <when>', 'not before: 1h, which is an hour from now, or 2027-01-31', dateArgument)
    .option('--until <when>', 'not after: 30d, which is thirty days from now, or 2027-01-31', dateArgument)
    .option(
      '--pin <sha256|file>',
      'a public key that it may have, by its SHA-256 or a certificate; twice at least',
      textsArgument,
    )
    .option('--rate <count>', 'requests a second', countArgument)
    .option('--burst <count>', 'requests at once (default: the rate)', countArgument)
    .option('--note <text>', 'for people')
    .option('--replace', 'keep nothing of what the entry had');
}
