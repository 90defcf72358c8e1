import type { EventBus } from '../events/index.js';
import type { DecisionCounts } from '../mtls/index.js';
import { eventMeasures } from './event-measures.js';
import { foreignListMeasures } from './foreign-list-measures.js';
import type { CertificateTerm, ListTerm, Measure, Readings } from './measure.js';

/** All metrics, except those of the Node.js process. */
export function measuresOf(events: EventBus, decisions: DecisionCounts, readings: Readings): Measure[] {
  const term = (of: string, help: string, timeOf: (term: CertificateTerm) => Date): Measure => ({
    name: `veritas_certificate_${of}_seconds`,
    help,
    kind: 'gauge',
    labels: ['certificate'],
    read: () => [[{ certificate: 'server' }, seconds(timeOf(readings.certificate()))]],
  });
  const list = (of: string, help: string, valueOf: (list: ListTerm) => number): Measure => ({
    name: `veritas_crl_${of}`,
    help,
    kind: 'gauge',
    labels: ['issuer', 'scope'],
    read: () => readings.lists().map((each) => [{ issuer: each.issuer, scope: each.scope }, valueOf(each)]),
  });
  return [
    {
      name: 'veritas_build_info',
      help: 'Always 1; the label is the version that runs.',
      kind: 'gauge',
      labels: ['version'],
      read: () => [[{ version: readings.version }, 1]],
    },
    {
      name: 'veritas_requests_admitted_total',
      help: 'Requests and messages that the guard let in with an identity.',
      kind: 'counter',
      labels: [],
      read: () => [[{}, decisions.admitted]],
    },
    byCode('veritas_requests_refused_total', 'Requests and messages that the guard refused.', decisions.refused),
    byCode(
      'veritas_requests_shadowed_total',
      'Requests and messages that the guard let in although a rule in trial would refuse them.',
      decisions.shadowed,
    ),
    term(
      'not_before',
      'The notBefore of the certificate of this service, in seconds since the epoch.',
      ({ notBefore }) => notBefore,
    ),
    term(
      'not_after',
      'The notAfter of the certificate of this service, in seconds since the epoch.',
      ({ notAfter }) => notAfter,
    ),
    {
      name: 'veritas_authority_not_after_seconds',
      help: 'The notAfter of the certificate of a CA that is neither retired nor removed, in seconds since the epoch.',
      kind: 'gauge',
      labels: ['issuer'],
      read: () => readings.authorities().map(([issuer, { notAfter }]) => [{ issuer }, seconds(notAfter)]),
    },
    list('number', 'The number of the revocation list that is served.', ({ number }) => number),
    list(
      'next_update_seconds',
      'The nextUpdate of the revocation list that is served, in seconds since the epoch.',
      ({ nextUpdate }) => seconds(nextUpdate),
    ),
    list('size_bytes', 'The size of the revocation list that is served.', ({ octets }) => octets),
    ...foreignListMeasures(readings.foreignLists),
    ...eventMeasures(events),
  ];
}

function byCode(name: string, help: string, counts: ReadonlyMap<string, number>): Measure {
  return {
    name,
    help,
    kind: 'counter',
    labels: ['code'],
    read: () => Array.from(counts, ([code, count]) => [{ code }, count] as const),
  };
}

const seconds = (time: Date): number => time.getTime() / 1000;
