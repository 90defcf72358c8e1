import type { Command } from 'commander';
import { textsArgument } from './arguments.js';
import type { BackupOptions } from './backup.js';
import type { RestoreOptions } from './restore.js';
import { sessionOf, verb, type CommonOptions, type Host } from './verb.js';

/** `veritas backup`. */
export function addBackup(program: Command, host: Host): void {
  verb(
    program,
    'backup',
    "Back up the store and the CA's encrypted keys, while the service runs, into one file that is encrypted for age.",
    [
      ['veritas backup --out veritas.age --recipient age1…', 'for whoever has the identity: age-keygen makes it'],
      ['veritas backup --out veritas.age --passphrase-file secret', 'for whoever knows the passphrase'],
      ['age -d -i key.txt veritas.age | head -1', 'what is in it: age opens it as well'],
    ],
  )
    .requiredOption('--out <file>', 'the file, mode 0600; never overwritten')
    .option('--recipient <recipient>', 'the age recipient that it is encrypted to (age1…)')
    .option('--passphrase-file <file>', 'the file of the passphrase that it is encrypted with')
    .action(async (options: CommonOptions & BackupOptions) => {
      const { backup } = await import('./backup.js');
      await backup(sessionOf(host, options), options);
    });
}

/** `veritas restore`. */
export function addRestore(program: Command, host: Host): void {
  verb(
    program,
    'restore',
    'Restore a backup into an empty place, compared with the revocation lists that were published last.',
    [
      ['veritas restore veritas.age --identity-file key.txt', 'compared with the lists in crl/ beside the store'],
      ['veritas restore veritas.age --identity-file key.txt --crl issuing.crl', 'with that one as well'],
      ['veritas restore veritas.age --passphrase-file secret --apply', 'and what they revoke is revoked again'],
    ],
  )
    .argument('<file>', 'what `veritas backup` wrote')
    .option('--identity-file <file>', 'the file of the age identity that it was encrypted to')
    .option('--passphrase-file <file>', 'the file of the passphrase that it was encrypted with')
    .option('--crl <file|url>', 'a revocation list that was published last; can be repeated', textsArgument)
    .option('--apply', 'revoke again what the lists revoke and the backup does not')
    .option('--without-crl', 'there is no published list of a CA any more: jump over the numbers that it may have used')
    .action(async (file: string, options: CommonOptions & RestoreOptions) => {
      const { restore } = await import('./restore.js');
      await restore(sessionOf(host, options), file, options);
    });
}
