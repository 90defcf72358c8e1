import { setImmediate } from 'node:timers/promises';
import { AuditLog } from '../audit/index.js';
import { auditWriter, type AuditFormat } from './audit-format.js';
import { CommandError } from './command-error.js';
import { ExitCode } from './exit-code.js';
import { checkOutputFile } from './files.js';
import { PendingFile } from './pending-file.js';
import { configurationOf, withStore, type Session } from './session.js';

/** The flags of `veritas audit export`. */
export interface AuditExportOptions {
  readonly format?: AuditFormat;
  readonly since?: Date;
  readonly out?: string;
}

const WHAT_HAPPENED = {
  changed: 'is not as it was written',
  dropped: 'is missing',
  reordered: 'does not follow the row before it',
} as const;

/** `veritas audit verify`: whether the audit record is intact. Exits 1 when it is not. */
export async function auditVerify(session: Session): Promise<void> {
  await withStore(session, async (store) => {
    const bar = session.output.progressBar('Rows of the audit record');
    const verdict = await new AuditLog(store)
      .verify({ onProgress: (rows, of) => bar.update(rows, of) })
      .finally(() => bar.end());
    session.output.result(
      verdict,
      verdict.ok ? `${verdict.rows} rows hold together` : `row ${verdict.sequence}: ${verdict.problem}`,
    );
    if (!verdict.ok)
      throw new CommandError(
        `the audit record is not intact: row ${verdict.sequence} ${WHAT_HAPPENED[verdict.problem]}`,
        ExitCode.refused,
        'keep the store as it is, and compare it with a backup or with what was exported before',
      );
  });
}

/** `veritas audit export`: writes the audit record, one line for each row, to stdout, or to a file that is replaced as a whole. */
export async function auditExport(session: Session, options: AuditExportOptions, version: string): Promise<void> {
  const { output } = session;
  const { out, since, format = 'json' } = options;
  if (output.isJson && out === undefined && format !== 'json')
    throw new CommandError(
      `--json and --format ${format} cannot be used together`,
      ExitCode.usage,
      'use one of them, or write to a file with --out',
    );
  checkOutputFile(out, configurationOf(session));
  await withStore(session, async (store) => {
    const file = out === undefined ? undefined : new PendingFile(out, 0o600);
    const bar = output.progressBar('Rows of the audit record');
    try {
      const { header, line } = auditWriter(format, version);
      const put = (text: string): void | Promise<void> => (file ? file.write(text) : output.piece(text));
      await put(header);
      let [read, written] = [0, 0];
      for await (const { rows, of } of new AuditLog(store).pages()) {
        // Clocks are set back at times. So each row is looked at, and not only the first one that is late enough.
        const wanted = rows.filter(({ at }) => since === undefined || !(at < since.getTime()));
        await put(wanted.map(line).join(''));
        written += wanted.length;
        read += rows.length;
        if (!file) continue;
        // A bar between the lines on a terminal would be in their way.
        bar.update(read, of);
        // Neither SQLite nor the file pauses otherwise, and a signal would not be noticed.
        await setImmediate();
      }
      file?.place();
      bar.end();
      const text = `${written} rows of the audit record`;
      if (out === undefined) output.progress(`${text}.`);
      else output.result({ rows: written, format, file: out }, `${text}: ${out}`);
    } finally {
      bar.end();
      file?.discard();
    }
  });
}
