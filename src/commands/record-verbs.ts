import { Command, Option } from 'commander';
import { sinceArgument } from './arguments.js';
import { AUDIT_FORMATS } from './audit-format.js';
import type { AuditExportOptions } from './audit.js';
import type { MigrateOptions } from './migrate.js';
import { sessionOf, verb, verbs, type CommonOptions, type Host } from './verb.js';

/** `veritas audit`. */
export function addAudit(program: Command, host: Host): void {
  const audit = verbs(program, 'audit', 'The record of what the CA did.', [
    ['veritas audit verify', 'does it hold together?'],
    ['veritas audit export --since 30d --format csv --out audit.csv', 'a file for a spreadsheet'],
    ['veritas audit export --since 1d >>audit.jsonl', 'lines of JSON, for a SIEM'],
  ]);
  verb(audit, 'verify', 'Say whether the record holds together, or which row was changed, dropped or reordered.', [
    ['veritas audit verify', 'how many rows hold together'],
    ['veritas audit verify --json', '{"ok":true,"rows":…} or {"ok":false,"sequence":…,"problem":…}'],
    ['VERITAS_STORE_PATH=copy.db veritas audit verify', 'of a copy, which needs its copy.db-wal too'],
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
    .option('--since <when>', 'only what was done since: 30d, which is thirty days ago, or 2027-01-31', sinceArgument)
    .option('--out <file>', 'a file, replaced whole, mode 0600 (default: stdout)')
    .action(async (options: CommonOptions & AuditExportOptions) => {
      const { auditExport } = await import('./audit.js');
      await auditExport(sessionOf(host, options), options, host.version);
    });
}

/** `veritas migrate`. */
export function addMigrate(program: Command, host: Host): void {
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
