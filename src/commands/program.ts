import { Command, CommanderError } from 'commander';
import { addBackup, addRestore } from './backup-verbs.js';
import { addCa } from './ca-verbs.js';
import { describeError, isDocumentedCode } from './command-error.js';
import { ExitCode } from './exit-code.js';
import { addServices } from './services-verbs.js';
import { examples, EXIT_CODES, sessionOf, verb, type CommonOptions, type Host } from './verb.js';
import { addIssue, addSign, addToken, addRevoke, addRenew } from './certificate-verbs.js';
import { addList, addShow, addCrl, addOcsp } from './inventory-verbs.js';
import { addVerify, addDoctor } from './check-verbs.js';
import { addAudit, addMigrate } from './record-verbs.js';

/**
 * Runs the command line on `args`, the words after `veritas`, and gives the exit code. Errors are written as one sentence, or with `--json` as one
 * line of JSON. Never throws.
 */
export async function runCommandLine(args: readonly string[], host: Host): Promise<number> {
  const isJson = args.includes('--json');
  const program = buildProgram(host, isJson);
  try {
    await program.parseAsync(args, { from: 'user' });
    return ExitCode.ok;
  } catch (error) {
    // Help and version end with a CommanderError too.
    if (error instanceof CommanderError && error.exitCode === 0) return ExitCode.ok;
    const { text, exitCode, ...problem } = describeError(error);
    const code = isDocumentedCode(problem.code) && !text.includes('\n') ? ` [${problem.code}]` : '';
    if (isJson) host.streams.err(`${JSON.stringify({ error: problem })}\n`);
    // Commander has already reported its own errors.
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
      // With --json the line of JSON is all that is written.
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
  addHelp(program);
  return program.addHelpText('after', EXIT_CODES);
}

/** Each verb's file is loaded only when the verb is called, so that `--help` is quick. */
function addSetup(program: Command, host: Host): void {
  verb(program, 'setup', 'Make everything that development needs; what is there is kept.', [
    ['veritas setup', 'CA, server and client certificates in certs/, the store in var/'],
    ['veritas setup --json', 'the same, for a script'],
    ['veritas setup --config /etc/veritas/veritas.yaml', 'where those settings say'],
  ]).action(async (options: CommonOptions) => {
    const { setup } = await import('./setup.js');
    await setup(sessionOf(host, options));
  });
}

/** In place of Commander's own, which goes one level deep and shows other help for a command that there is not. */
function addHelp(program: Command): void {
  program
    .command('help [command...]')
    .description('display help for command')
    .action((words: readonly string[]) => {
      let command = program;
      for (const word of words)
        command =
          command.commands.find((each) => each.name() === word) ?? command.error(`error: unknown command '${word}'`);
      command.help();
    });
}

function writeUsageError(text: string, write: (text: string) => void): void {
  write(text.replace(/^error: /, 'veritas: '));
}
