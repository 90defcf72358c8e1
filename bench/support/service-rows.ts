import { DatabaseSync } from 'node:sqlite';

/** Puts services and patterns into a store's registry. Half of the names are SPIFFE IDs, and half of the patterns. The client's own name is on the configured list only. */
export function fillServices(
  path: string,
  { services, patterns }: { readonly services: number; readonly patterns: number },
): void {
  const sqlite = new DatabaseSync(path);
  const insert = sqlite.prepare(
    `insert into service_change (sequence, name, version, state, roles, pins, author, request_id, changed_at)
     values (?, ?, 1, 'allowed', '["auditor"]', '[]', 'bench', 'bench', 1)`,
  );
  sqlite.exec('begin');
  for (let i = 1; i <= services + patterns; i++) {
    const star = i > services ? '*' : 's';
    insert.run(i, i % 2 === 0 ? `spiffe://example.org/ns/${i}/${star}` : `service-${i}-${star}`);
  }
  sqlite.exec('commit');
  sqlite.close();
}
