import { Command, Option } from 'commander';
import {
  lifetimeArgument,
  nameArgument,
  pathLengthArgument,
  serviceUrlArgument,
  shareArgument,
  sinceArgument,
  subtreeArgument,
} from './arguments.js';
import { CommandError } from './command-error.js';
import { ExitCode } from './exit-code.js';
import type { IssueOptions, SignOptions } from './issue.js';
import type { RenewDaemonOptions } from './renew-daemon.js';
import type { RenewOptions } from './renew.js';
import type { RevocationReason } from '../pki/index.js';
import type { RevokeOptions } from './revoke.js';
import type { TokenOptions } from './token.js';
import { sessionOf, verb, withTerms, type CommonOptions, type Host } from './verb.js';

/** All reasons of pki. The compiler checks that none is missing, so that help need not load that room. */
const REASONS = Object.keys({
  unspecified: true,
  keyCompromise: true,
  affiliationChanged: true,
  superseded: true,
  cessationOfOperation: true,
  privilegeWithdrawn: true,
  certificateHold: true,
  cACompromise: true,
} satisfies Record<RevocationReason, true>);

/** `veritas issue`. */
export function addIssue(program: Command, host: Host): void {
  withTerms(
    verb(program, 'issue', 'Make a key and have it certified.', [
      ['veritas issue --service veritas-worker --cert worker.pem --key worker.key', 'for both ends, 24 hours'],
      ['veritas issue --service veritas-agent --profile client --ttl 30d', 'veritas-agent.pem and veritas-agent.key'],
      ['veritas issue --service api --profile server --san DNS:api.example.org', 'with another name'],
    ]),
  )
    .requiredOption('--service <name>', 'the service, which becomes the common name')
    .option('--cert <file>', 'where the certificate goes, followed by its issuing CA (default: <name>.pem)')
    .option('--key <file>', 'where the private key goes; never overwritten (default: <name>.key)')
    .action(async (options: CommonOptions & IssueOptions) => {
      const { issue } = await import('./issue.js');
      await issue(sessionOf(host, options), options);
    });
}

/** `veritas sign`. */
export function addSign(program: Command, host: Host): void {
  withTerms(
    verb(program, 'sign', 'Certify the key of a certification request (PKCS#10, PEM or DER).', [
      ['veritas sign request.csr --profile server --cert server.pem', 'for the common name in it'],
      ['openssl req -new -key my.key -subj /CN=veritas-agent | veritas sign -', 'from stdin'],
      ['veritas sign ca.csr --profile intermediate --permit DNS:eu.example.org', 'a CA elsewhere, below the root'],
    ]),
    'intermediate (a CA)',
  )
    .argument('<csr>', 'the file of the request, - for stdin')
    .option('--service <name>', 'the service (default: the common name in the request)')
    .option('--cert <file>', 'where the certificate goes, followed by its issuing CA (default: stdout)')
    .option('--issuer <id>', 'of an intermediate CA: who signs it (default: the root)')
    .option('--path-length <count>', 'of an intermediate CA: how many CAs may follow (default: 0)', pathLengthArgument)
    .option(
      '--permit <subtree>',
      'of an intermediate CA: DNS:domain, IP:prefix or URI:host; can be repeated',
      subtreeArgument,
    )
    .option('--exclude <subtree>', 'of an intermediate CA: as --permit, what it may not name', subtreeArgument)
    .action(async (file: string, options: CommonOptions & SignOptions) => {
      const { sign } = await import('./issue.js');
      await sign(sessionOf(host, options), file, options);
    });
}

/** `veritas token`. */
export function addToken(program: Command, host: Host): void {
  verb(program, 'token', 'Make a one-time token, good for the first certificate of a service.', [
    ['TOKEN=$(veritas token --service billing --ttl 15m)', 'how to trade it is printed beside it'],
    [
      'veritas token --service api --profile server --san DNS:api.example.org --json',
      'with another name, for a script',
    ],
    ['veritas token --service billing --end', 'those of a service that were not traded are good no more'],
  ])
    .requiredOption('--service <name>', 'the service that may have the certificate')
    .option(
      '--profile <profile>',
      'what it is for: server, client, service, spiffe, or one of pki.profiles (default: service)',
    )
    .option('--san <name>', 'another name: DNS:name, IP:address or URI:uri; can be repeated', nameArgument)
    .option(
      '--ttl <time>',
      'how long the token (not the certificate) is good: 15m, 24h, at most 7d (default: 15m)',
      lifetimeArgument,
    )
    .option(
      '--lifetime <time>',
      "how long the certificate is valid (default: the profile's, or pki.serviceLifetime)",
      lifetimeArgument,
    )
    .option('--end', 'end the tokens of the service that were not traded, and make none')
    .action(async ({ end, ...options }: CommonOptions & TokenOptions & { readonly end?: boolean }) => {
      const { endTokens, token } = await import('./token.js');
      await (end ? endTokens : token)(sessionOf(host, options), options);
    });
}

/** `veritas revoke`. */
export function addRevoke(program: Command, host: Host): void {
  verb(program, 'revoke', 'Revoke certificates, or release those on hold, and sign the revocation list.', [
    ['veritas revoke 3f0a9c… --reason keyCompromise', 'by its serial number'],
    ['veritas revoke --cert worker.pem --reason certificateHold', 'by its file, until it is released'],
    ['veritas revoke --service veritas-worker --json', 'all that a service has, for a script'],
  ])
    .argument('[serial]', 'the serial number in hexadecimal')
    .option('--cert <file>', 'the certificate instead of its serial number')
    .option('--service <name>', 'every certificate of a service that has not ended')
    .option('--profile <name>', 'those of a profile')
    .option('--issuer <id>', 'those of a CA: see `veritas ca show`')
    .option('--key <file>', 'those of the same key as this certificate')
    .addOption(new Option('--reason <reason>', 'unspecified when absent; cACompromise is for a CA').choices(REASONS))
    .option(
      '--invalidity-date <when>',
      'since when the key is believed to be compromised: 3d, which is three days ago, or 2026-01-31',
      sinceArgument,
    )
    .option('--release', 'lift the hold instead')
    .action(async (serial: string | undefined, options: CommonOptions & RevokeOptions) => {
      const { revoke } = await import('./revoke.js');
      await revoke(sessionOf(host, options), serial, options);
    });
}

/** `veritas renew`. */
export function addRenew(program: Command, host: Host): void {
  verb(
    program,
    'renew',
    'Renew a certificate with itself: the same names for a new key. The old key is kept as <key>.old.',
    [
      ['veritas renew --cert worker.pem --key worker.key', 'when a third of its lifetime is left; else nothing'],
      ['veritas renew --cert a.pem --key a.key --new-key next.key --force', 'now, and the old key stays'],
      ['veritas renew --cert a.pem --key a.key --url https://ca.local:5000 --daemon', 'again and again, as a process'],
    ],
  )
    .requiredOption('--cert <file>', 'the certificate, which is replaced')
    .requiredOption(
      '--key <file>',
      'its private key, which is replaced and kept as <key>.old, 0600, until the next time',
    )
    .addOption(
      new Option('--url <url>', 'the service that issued it')
        .argParser(serviceUrlArgument)
        .default(new URL('https://localhost:5000'), 'https://localhost:5000'),
    )
    .option('--ca <file>', "the CA bundle that the service's certificate must lead to (default: tls.caFile)")
    .option('--new-key <file>', 'where the new key goes instead; never overwritten')
    .option('--before <time>', 'renew when less than so much is left: 8h, 30d', lifetimeArgument)
    .option('--force', 'renew now')
    .addOption(
      new Option('--daemon', 'stay and renew each time; what fails is said and tried again, until SIGTERM').conflicts([
        'newKey',
        'before',
        'force',
      ]),
    )
    .option(
      '--at <share>',
      'with --daemon: at which share of the lifetime at the latest, 0.1 to 0.9 (default: 0.667)',
      shareArgument,
    )
    .option('--metrics <file>', 'with --daemon: metrics for the textfile collector of node_exporter: worker.prom')
    .action(async (options: CommonOptions & RenewOptions & RenewDaemonOptions & { readonly daemon?: boolean }) => {
      if (options.daemon) {
        const { renewDaemon } = await import('./renew-daemon.js');
        await renewDaemon(sessionOf(host, options), options);
        return;
      }
      if (options.at !== undefined)
        throw new CommandError('--at needs --daemon', ExitCode.usage, 'leave it out, or see --before');
      if (options.metrics !== undefined)
        throw new CommandError('--metrics needs --daemon', ExitCode.usage, 'leave it out, or renew as a process');
      const { renew } = await import('./renew.js');
      await renew(sessionOf(host, options), options);
    });
}
