/** Where the repository listens. */
export interface RepositoryOptions {
  readonly enabled: boolean;
  readonly host: string;
  readonly port: number;
}
export const REPOSITORY_OPTIONS = Symbol('veritas:RepositoryOptions');
