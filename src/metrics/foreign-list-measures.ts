import type { ForeignListTerm, Measure, Readings } from './measure.js';

/** The metrics of the revocation lists of other CAs. The label is the list's place in the settings, because its URL may contain a secret. */
export function foreignListMeasures(lists: Readings['foreignLists']): Measure[] {
  const measure = (
    of: string,
    help: string,
    valueOf: (list: ForeignListTerm) => number | Date | undefined,
    kind: Measure['kind'] = 'gauge',
  ): Measure => ({
    name: `veritas_foreign_crl_${of}`,
    help,
    kind,
    labels: ['source'],
    read: () =>
      lists().flatMap((list, index) => {
        const value = valueOf(list);
        if (value === undefined) return [];
        const source = `mtls.crls[${index}]`;
        return [[{ source }, typeof value === 'number' ? value : value.getTime() / 1000] as const];
      }),
  });
  return [
    measure(
      'this_update_seconds',
      'The thisUpdate of the list of another CA that is in use, in seconds since the epoch.',
      ({ thisUpdate }) => thisUpdate,
    ),
    measure(
      'next_update_seconds',
      'The nextUpdate of the list of another CA that is in use, in seconds since the epoch.',
      ({ nextUpdate }) => nextUpdate,
    ),
    measure(
      'last_success_seconds',
      'When a usable list of another CA was last read from its source, even if it was unchanged, in seconds since the epoch.',
      ({ readAt }) => readAt,
    ),
    measure(
      'failures_total',
      'Times that the list of another CA could not be read from its source or could not be used.',
      ({ failures }) => failures,
      'counter',
    ),
  ];
}
