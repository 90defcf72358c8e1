const TRIGGER =
  /^create trigger (\w+) before (insert|update|delete) on (\w+)\s*(?:when (.+?)\s*)?begin select raise\(abort, '([^']*)'\); end$/is;

/**
 * A statement of the schema in PostgreSQL's words; the migrations are written once, in SQLite's. Integers are 64 bits wide and blobs `bytea`; text
 * sorts by its octets, as SQLite's does; tables are strict anyway; a trigger that raises becomes a function and a trigger. Statements that are not
 * of the schema, and words that both know, stay as they are.
 */
export function postgresDdl(statement: string): string {
  const trigger = TRIGGER.exec(statement.trim());
  if (trigger) {
    const [, name = '', event = '', table = '', condition, message = ''] = trigger;
    const when = condition === undefined ? '' : ` when (${condition})`;
    return [
      `create function ${name}() returns trigger language plpgsql as $$ begin raise exception '${message}'; end $$`,
      `create trigger ${name} before ${event} on ${table} for each row${when} execute function ${name}()`,
    ].join(';\n');
  }
  const dropped = /^\s*drop trigger (\w+)\s*$/i.exec(statement)?.[1];
  // The trigger goes with the function that was made for it.
  if (dropped !== undefined) return `drop function ${dropped}() cascade`;
  if (!/^\s*(?:create|alter)\s+table\b/i.test(statement)) return statement;
  return statement
    .replace(/\)\s*(?:(?:strict|without rowid)(?:\s*,\s*)?)+\s*$/i, ')')
    .replace(/(?<=\s)integer\b/gi, 'bigint')
    .replace(/(?<=\s)blob\b/gi, 'bytea')
    .replace(/(?<=\s)text\b/gi, 'text collate "C"');
}
