import { EventBus } from '../../src/events/index.js';
import { measuresOf } from '../../src/metrics/measures.js';
import { DecisionCounts } from '../../src/mtls/index.js';

/** The rows of `docs/metrics.md`. */
export function metricsTable(): Readonly<Record<'metrics', string>> {
  const never = { notBefore: new Date(0), notAfter: new Date(0) };
  const nothing = {
    version: '',
    certificate: () => never,
    authorities: () => [],
    lists: () => [],
    foreignLists: () => [],
  };
  const rows = measuresOf(new EventBus(), new DecisionCounts(), nothing).map(
    ({ name, labels, help }) =>
      `| \`${name}\` | ${labels.map((label) => `\`${label}\``).join(', ') || '-'} | ${help} |`,
  );
  return { metrics: ['| Metric | Labels | What |', '| --- | --- | --- |', ...rows].join('\n') };
}
