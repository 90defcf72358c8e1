import type { ForeignListTerm, Measure, Readings } from './measure.js';

/** What is measured of the lists of other CAs. They go by their place in the settings: in a URL there may be a secret. */
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
      'As of when the list of another CA is that is in use, in seconds since the epoch.',
      ({ thisUpdate }) => thisUpdate,
    ),
    measure('next_update_seconds', 'When it is over, in seconds since the epoch.', ({ nextUpdate }) => nextUpdate),
    measure(
      'last_success_seconds',
      'When its source last had a list that can be used, the same one among it, in seconds since the epoch.',
      ({ readAt }) => readAt,
    ),
    measure(
      'failures_total',
      'Times that its source could not be read, or what it had not be used.',
      ({ failures }) => failures,
      'counter',
    ),
  ];
}
