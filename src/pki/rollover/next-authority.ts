import type { IssuerRole, IssuerRow } from '../../store/index.js';

/** The id of the next CA of a role: `issuing`, `issuing-2`, `issuing-3`. An id is never reused, so that no key file or token label is reused. */
export function nextAuthorityId(rows: readonly Pick<IssuerRow, 'id' | 'role'>[], role: IssuerRole): string {
  const numbers = rows.filter((row) => row.role === role).map(({ id }) => Number(id.slice(role.length + 1) || '1'));
  const number = Math.max(0, ...numbers) + 1;
  return number === 1 ? role : `${role}-${number}`;
}
