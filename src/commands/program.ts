import { Command, CommanderError, Option } from 'commander';
import {
  countArgument,
  dateArgument,
  endpointArgument,
  lifetimeArgument,
  nameArgument,
  pathLengthArgument,
  responderUrlArgument,
  serviceUrlArgument,
  shareArgument,
  sinceArgument,
  subtreeArgument,
} from './arguments.js';
import { AUDIT_FORMATS } from './audit-format.js';
import type { AuditExportOptions } from './audit.js';
import { addBackup, addRestore } from './backup-verbs.js';
import { addCa } from './ca-verbs.js';
import { describeError, isDocumentedCode } from './command-error.js';
import { ExitCode } from './exit-code.js';
import type { DoctorOptions } from './doctor.js';
import type { IssueOptions, SignOptions } from './issue.js';
import type { ListOptions } from './list.js';
import type { MigrateOptions } from './migrate.js';
import type { OcspOptions } from './ocsp.js';
import type { RenewDaemonOptions } from './renew-daemon.js';
import type { RenewOptions } from './renew.js';
import { addServices } from './services-verbs.js';
import type { RevokeOptions } from './revoke.js';
import type { TokenOptions } from './token.js';
import type { VerifyOptions } from './verify.js';
import { examples, EXIT_CODES, sessionOf, verb, verbs, withTerms, type CommonOptions, type Host } from './verb.js';

/** As `revocationReasons` of pki has them, which is not read for this. */
const REASONS = [
  'unspecified',
  'keyCompromise',
  'affiliationChanged',
  'superseded',
  'cessationOfOperation',
  'privilegeWithdrawn',
  'certificateHold',
  'cACompromise',
];

/**
 * Runs the command line on `args`, the words after `veritas`, and gives the exit code. Writes errors as one sentence, or with `--json` as one line of
 * JSON; never throws.
 */
export async function runCommandLine(args: readonly string[], host: Host): Promise<number> {
  const isJson = args.includes('--json');
  const program = buildProgram(host, isJson);
  try {
    await program.parseAsync(args, { from: 'user' });
    return ExitCode.ok;
  } catch (error) {
    // Help and version are no errors.
    if (error instanceof CommanderError && error.exitCode === 0) return ExitCode.ok;
    const { text, exitCode, ...problem } = describeError(error);
    const code = isDocumentedCode(problem.code) && !text.includes('\n') ? ` [${problem.code}]` : '';
    if (isJson) host.streams.err(`${JSON.stringify({ error: problem })}\n`);
    // What commander found wrong it has said itself.
    else if (!(error instanceof CommanderError)) host.streams.err(`veritas: ${text}${code}\n`);
    return exitCode;
  }
}

function buildProgram(host: Host, isJson: boolean): Command {
  const program = new Command('veritas')
    .description(
      examples('A certification authority for your services, and what they need for mutual TLS.', [
        ['veritas setup', 'the CA and certificates for development'],
        [
          'veritas issue --service veritas-worker --cert worker.pem --key worker.key',
          "a service's key and certificate",
        ],
        ['veritas verify worker.pem --key worker.key', 'would it be let in?'],
      ]),
    )
    .version(host.version)
    .exitOverride()
    .configureOutput({
      writeOut: host.streams.out,
      // With --json the one line that says what is wrong stands alone.
      writeErr: isJson ? () => undefined : host.streams.err,
      outputError: writeUsageError,
    })
    .showHelpAfterError('Run it with --help for examples.');
  for (const add of [
    addSetup,
    addCa,
    addIssue,
    addSign,
    addToken,
    addRevoke,
    addList,
    addShow,
    addCrl,
    addOcsp,
    addServices,
    addVerify,
    addDoctor,
    addRenew,
    addAudit,
    addMigrate,
    addBackup,
    addRestore,
  ])
    add(program, host);
  return program.addHelpText('after', EXIT_CODES);
}

/** Each verb's file is read when it is called: `--help` is quick. */
function addSetup(program: Command, host: Host): void {
  verb(program, 'setup', 'Make everything that development needs; what is there is kept.', [
    ['veritas setup', 'CA, server and client certificates in certs/, the store in var/'],
    ['veritas setup --json', 'the same, for a script'],
    ['VERITAS_PKI_DIRECTORY=/srv/ca/keys veritas setup', 'elsewhere'],
  ]).action(async (options: CommonOptions) => {
    const { setup } = await import('./setup.js');
    await setup(sessionOf(host, options));
  });
}

function addIssue(program: Command, host: Host): void {
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

function addSign(program: Command, host: Host): void {
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

function addToken(program: Command, host: Host): void {
  verb(program, 'token', 'Make a one-time token, good for the first certificate of a service.', [
    ['TOKEN=$(veritas token --service billing --ttl 15m)', 'how to trade it is printed beside it'],
    ['veritas token --service billing --profile client --lifetime 7d', 'for a certificate of that profile and life'],
    [
      'veritas token --service api --profile server --san DNS:api.example.org --json',
      'with another name, for a script',
    ],
  ])
    .requiredOption('--service <name>', 'the service that may have the certificate')
    .option('--profile <profile>', 'what it is for: server, client, service, spiffe, or one of pki.profiles', 'service')
    .option('--san <name>', 'another name: DNS:name, IP:address or URI:uri; can be repeated', nameArgument)
    .option(
      '--ttl <time>',
      'how long the token (not the certificate) is good: 15m, 24h, at most 7d (default: 15m)',
      lifetimeArgument,
    )
    .option('--lifetime <time>', 'how long the certificate is valid (default: pki.serviceLifetime)', lifetimeArgument)
    .action(async (options: CommonOptions & TokenOptions) => {
      const { token } = await import('./token.js');
      await token(sessionOf(host, options), options);
    });
}

function addRevoke(program: Command, host: Host): void {
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
      'since when the key is believed to be compromised: 3d ago, or 2026-01-31',
      sinceArgument,
    )
    .option('--release', 'lift the hold instead')
    .action(async (serial: string | undefined, options: CommonOptions & RevokeOptions) => {
      const { revoke } = await import('./revoke.js');
      await revoke(sessionOf(host, options), serial, options);
    });
}

function addList(program: Command, host: Host): void {
  verb(
    program,
    'list',
    'List what was issued, newest first; by status active or expired and by end: the latest end first.',
    [
      ['veritas list --csv >inventory.csv', 'everything, for a spreadsheet'],
      ['veritas list --status active --expires-before 30d', 'what is to be renewed soon'],
      ['veritas list --service veritas-worker --status revoked --json', 'for a script'],
    ],
  )
    .addOption(new Option('--status <status>', 'only those').choices(['active', 'expired', 'revoked']))
    .option('--service <name>', 'only those of a service')
    .option('--expires-before <when>', 'only those that end before: 30d from now, or 2027-01-31', dateArgument)
    .option('--limit <count>', 'at most so many', countArgument)
    .option('--csv', 'as CSV (RFC 4180)')
    .action(async (options: CommonOptions & ListOptions) => {
      const { list } = await import('./list.js');
      await list(sessionOf(host, options), options);
    });
}

function addShow(program: Command, host: Host): void {
  verb(program, 'show', 'Show a certificate of the store, or every certificate of a file.', [
    ['veritas show 3f0a9c…', 'by its serial number'],
    ['veritas show worker.pem', 'a file'],
    ['veritas show worker.pem --json', 'for a script'],
  ])
    .argument('<serial|file>', 'a serial number in hexadecimal, or a file, - for stdin')
    .action(async (target: string, options: CommonOptions) => {
      const { show } = await import('./show.js');
      await show(sessionOf(host, options), target);
    });
}

function addCrl(program: Command, host: Host): void {
  verb(program, 'crl', 'Sign and publish a revocation list now.', [
    ['veritas crl', 'of the issuing CA, beside the store'],
    ['veritas crl --out issuing.crl', 'and a copy'],
    ['veritas crl --issuer root --out root.crl.pem', 'of the root, as PEM'],
  ])
    .option('--issuer <id>', 'the id of a CA: see `veritas ca show` (default: the one that issues now)')
    .option('--scope <scope>', '`delta`, or the number of a shard; the complete list when absent')
    .option('--out <file>', 'a copy, DER, or PEM when the name ends in .pem')
    .action(async (options: CommonOptions & { readonly issuer?: string; readonly scope?: string }) => {
      const { crl } = await import('./crl.js');
      await crl(sessionOf(host, options), options);
    });
}

function addOcsp(program: Command, host: Host): void {
  verb(
    program,
    'ocsp',
    'Ask the OCSP responder about a certificate, and verify its answer; exit code 1 unless it is good.',
    [
      ['veritas ocsp 3f0a9c…', 'by its serial number, signed here and now'],
      ['veritas ocsp worker.pem --url http://localhost:5080/ocsp', 'of a service that is running'],
      ['veritas ocsp server.pem --out server.ocsp', 'for a server that staples from a file'],
    ],
  )
    .argument('<serial|file>', 'a serial number in hexadecimal, or a certificate of this CA, - for stdin')
    .option('--url <url>', 'a responder to ask over HTTP (default: the one here)', responderUrlArgument)
    .option('--out <file>', 'where the answer goes, in DER')
    .action(async (target: string, options: CommonOptions & OcspOptions) => {
      const { ocsp } = await import('./ocsp.js');
      await ocsp(sessionOf(host, options), target, options);
    });
}

function addVerify(program: Command, host: Host): void {
  verb(program, 'verify', 'Explain whether a certificate would be let in, check by check.', [
    ['veritas verify worker.pem', 'as a client of this service'],
    ['veritas verify certs/server_cert.pem --purpose server', 'as a server'],
    ['veritas verify worker.pem --key worker.key', 'and whether the key belongs to it'],
  ])
    .argument('<file>', 'the certificate, followed by its issuing CA, - for stdin')
    .addOption(new Option('--purpose <purpose>', 'what it is for').choices(['client', 'server']).default('client'))
    .option('--key <file>', 'the private key that should belong to it')
    .action(async (file: string, options: CommonOptions & VerifyOptions) => {
      const { verify } = await import('./verify.js');
      await verify(sessionOf(host, options), file, options);
    });
}

function addDoctor(program: Command, host: Host): void {
  verb(program, 'doctor', 'Say where a client gets stuck on its way into a service, or why a request was refused.', [
    ['veritas doctor --certificate worker.pem --connect api.example.org:5000', 'step by step, with the mend'],
    ['veritas doctor --request 9b1f6c3d02ae-4 --log veritas.log', 'the checks of a refused request, from the log'],
    ['journalctl -u veritas -o cat | veritas doctor --request 9b1f6c3d02ae-4', 'the same, from a pipe'],
  ])
    .option('--certificate <file>', "the client's certificate, followed by its issuing CA")
    .option('--key <file>', 'its private key (default: in the same file, or beside it: worker.key, worker_key.pem)')
    .option('--connect <host:port>', 'where the service listens (default port: 443)', endpointArgument)
    .option('--ca <file>', "the CA bundle that the service's certificate must lead to (default: tls.caFile)")
    .option('--path <path>', 'what is asked for', '/api/v1/whoami')
    .option('--request <id>', 'the request_id of a refusal')
    .option('--log <file>', 'the log of the service, lines of JSON, - for stdin', '-')
    .action(async (options: CommonOptions & DoctorOptions) => {
      const { doctor } = await import('./doctor.js');
      await doctor(sessionOf(host, options), options);
    });
}

function addRenew(program: Command, host: Host): void {
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
    .action(async (options: CommonOptions & RenewOptions & RenewDaemonOptions & { readonly daemon?: boolean }) => {
      if (options.daemon) {
        const { renewDaemon } = await import('./renew-daemon.js');
        await renewDaemon(sessionOf(host, options), options);
        return;
      }
      const { renew } = await import('./renew.js');
      await renew(sessionOf(host, options), options);
    });
}

function addAudit(program: Command, host: Host): void {
  const audit = verbs(program, 'audit', 'The record of what the CA did.', [
    ['veritas audit verify', 'does it hold together?'],
    ['veritas audit export --since 30d --format csv --out audit.csv', 'a file for a spreadsheet'],
    ['veritas audit export --since 1d >>audit.jsonl', 'lines of JSON, for a SIEM'],
  ]);
  verb(audit, 'verify', 'Say whether the record holds together, or which row was changed, dropped or reordered.', [
    ['veritas audit verify', 'how many rows hold together'],
    ['veritas audit verify --json', '{"ok":true,"rows":…} or {"ok":false,"sequence":…,"problem":…}'],
    ['VERITAS_STORE_PATH=copy.db veritas audit verify', 'of a copy'],
  ]).action(async (options: CommonOptions) => {
    const { auditVerify } = await import('./audit.js');
    await auditVerify(sessionOf(host, options));
  });
  verb(audit, 'export', 'Write the record for other programs, a line a row.', [
    ['veritas audit export --since 30d', 'lines of JSON'],
    ['veritas audit export --format csv --out audit.csv', 'a file for a spreadsheet'],
    ['veritas audit export --format cef --since 2027-01-31', 'for a SIEM'],
  ])
    .addOption(new Option('--format <format>', 'how it is written').choices(AUDIT_FORMATS).default('json'))
    .option('--since <when>', 'only what was done since: 30d ago, or 2027-01-31', sinceArgument)
    .option('--out <file>', 'a file, replaced whole, mode 0600 (default: stdout)')
    .action(async (options: CommonOptions & AuditExportOptions) => {
      const { auditExport } = await import('./audit.js');
      await auditExport(sessionOf(host, options), options, host.version);
    });
}

function addMigrate(program: Command, host: Host): void {
  verb(program, 'migrate', "Bring the store's schema up to this version: forward only, all or nothing.", [
    ['veritas migrate', 'as `setup` and the start of the service do'],
    ['veritas migrate --status', 'what there is and what is to come; changes nothing'],
    ['veritas migrate --json', '{"applied":["…"]}, empty when there was nothing to do'],
  ])
    .option('--status', 'change nothing, and say which migrations are applied and which are pending')
    .action(async (options: CommonOptions & MigrateOptions) => {
      const { migrate } = await import('./migrate.js');
      await migrate(sessionOf(host, options), options);
    });
}

function writeUsageError(text: string, write: (text: string) => void): void {
  write(text.replace(/^error: /, 'veritas: '));
}
