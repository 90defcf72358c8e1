import type { EventBus, EventMap, EventName } from '../events/index.js';
import type { Measure } from './measure.js';
import { Tally } from './tally.js';

/**
 * The description of a counter of events. `labels` are fields of the event. Serial numbers, services and requesters must not be labels, because the
 * number of their values is unbounded.
 */
interface Counter<Name extends EventName> {
  readonly name: string;
  readonly help: string;
  readonly labels: readonly (keyof EventMap[Name] & string)[];
}

/** The metrics that count events from now on. */
export function eventMeasures(events: EventBus): Measure[] {
  const count = <Name extends EventName>(event: Name, { name, help, labels }: Counter<Name>): Measure => {
    const tally = new Tally();
    events.on(event, (payload) => {
      tally.add(Object.fromEntries(labels.map((label) => [label, String(payload[label])])));
    });
    return { name, help, labels, kind: 'counter', read: () => tally };
  };
  return [
    count('certificate.issued', {
      name: 'veritas_certificates_issued_total',
      help: 'Certificates that this process issued.',
      labels: ['issuer', 'profile'],
    }),
    count('issuance.refused', {
      name: 'veritas_issuance_refused_total',
      help: 'Requests for a certificate that were refused.',
      labels: ['code'],
    }),
    count('certificate.revoked', {
      name: 'veritas_certificates_revoked_total',
      help: 'Certificates that this process revoked.',
      labels: ['issuer', 'reason'],
    }),
    count('certificate.released', {
      name: 'veritas_certificates_released_total',
      help: 'Certificates that this process released from hold.',
      labels: ['issuer'],
    }),
    count('crl.published', {
      name: 'veritas_crls_published_total',
      help: 'Revocation lists that this process began to serve.',
      labels: ['issuer', 'scope'],
    }),
    count('renewal.done', {
      name: 'veritas_renewals_total',
      help: 'Times that the certificate of this service was renewed.',
      labels: [],
    }),
    count('renewal.failed', {
      name: 'veritas_renewals_failed_total',
      help: 'Times that the certificate of this service could not be renewed.',
      labels: [],
    }),
    count('background.failed', {
      name: 'veritas_background_failures_total',
      help: 'Failures of work on a timer, of listeners of events, and of making OCSP responses.',
      labels: ['task'],
    }),
    renewalAttempts(events),
  ];
}

/** The number of failed renewals in a row. 0 after a renewal, by this service or anyone else. */
function renewalAttempts(events: EventBus): Measure {
  let attempts = 0;
  events.on('renewal.failed', ({ attempt }) => {
    attempts = attempt;
  });
  for (const mended of ['renewal.done', 'renewal.unneeded'] as const)
    events.on(mended, () => {
      attempts = 0;
    });
  return {
    name: 'veritas_renewal_failed_attempts',
    help: 'The number of failed renewals of the certificate of this service in a row.',
    kind: 'gauge',
    labels: [],
    read: () => [[{}, attempts]],
  };
}
