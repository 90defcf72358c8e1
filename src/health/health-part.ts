/** The state of one part of the service. The report is public, so `detail` must contain no path and no host name. */
export type PartState =
  | { readonly state: 'up'; readonly detail?: string }
  | { readonly state: 'warning'; readonly detail: string }
  | { readonly state: 'down'; readonly detail: string };

/** A part of the health report. `check` must be quick and without side effects. If it throws, the part is down. */
export interface HealthPart {
  readonly name: string;
  readonly check: () => PartState | Promise<PartState>;
}
export const HEALTH_PARTS = Symbol('veritas:HealthParts');

const DAY_MS = 86_400_000;

/** A part that is down once `notAfter` has passed, and warns for `warningDays` before. */
export function expiryPart(name: string, notAfter: () => Date, warningDays: number, clock: () => Date): HealthPart {
  return {
    name,
    check: () => {
      const left = Math.floor((notAfter().getTime() - clock().getTime()) / DAY_MS);
      if (notAfter() < clock()) return { state: 'down', detail: 'expired' };
      return left < warningDays
        ? { state: 'warning', detail: `${left} days left` }
        : { state: 'up', detail: `${left} days left` };
    },
  };
}
