import { Command, Option } from 'commander';
import { countArgument, dateArgument, responderUrlArgument } from './arguments.js';
import type { ListOptions } from './list.js';
import type { OcspOptions } from './ocsp.js';
import { sessionOf, verb, type CommonOptions, type Host } from './verb.js';

/** `veritas list`. */
export function addList(program: Command, host: Host): void {
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
    .option(
      '--expires-before <when>',
      'only those that end before: 30d, which is thirty days from now, or 2027-01-31',
      dateArgument,
    )
    .option('--limit <count>', 'at most so many', countArgument)
    .option('--csv', 'as CSV (RFC 4180)')
    .action(async (options: CommonOptions & ListOptions) => {
      const { list } = await import('./list.js');
      await list(sessionOf(host, options), options);
    });
}

/** `veritas show`. */
export function addShow(program: Command, host: Host): void {
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

/** `veritas crl`. */
export function addCrl(program: Command, host: Host): void {
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

/** `veritas ocsp`. */
export function addOcsp(program: Command, host: Host): void {
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
