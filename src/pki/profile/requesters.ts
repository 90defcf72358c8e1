import { generalNameToString, type GeneralName } from '../../x509/index.js';
import { NameRules, type NameRuleTexts } from './name-rules.js';

/**
 * Which services and names a requester may have certified under a profile. The requester is {@link service}, or any service with {@link role}. Of a kind of
 * name without a list it may have none.
 */
export interface RequesterRuleTexts extends NameRuleTexts {
  readonly service?: string | undefined;
  readonly role?: string | undefined;
  /** Exact names of services, or their beginning and `*`. */
  readonly services: readonly string[];
}

/** A service that asks, as its certificate of this CA proved it, and its roles now. */
export interface RequestingService {
  readonly service: string;
  readonly roles: ReadonlySet<string>;
}

/** {@link RequesterRuleTexts}, read. */
interface RequesterRule {
  readonly isAbout: (requester: RequestingService) => boolean;
  readonly services: readonly ((service: string) => boolean)[];
  readonly names: NameRules;
}

/** Who may ask for what under a profile. Administrators and operators are not asked. */
export class RequesterRules {
  readonly #rules: readonly RequesterRule[];

  /** Throws RangeError for a text that is not a rule. */
  constructor(texts: readonly RequesterRuleTexts[]) {
    this.#rules = texts.map(({ service, role, services, dns = [], ip = [], uri = [] }) => {
      if ((service === undefined) === (role === undefined))
        throw new RangeError('a rule for requesters names either a service or a role');
      return {
        isAbout: (requester) =>
          service === undefined ? requester.roles.has(role ?? '') : requester.service === service,
        services: services.map(serviceRule),
        names: new NameRules({ dns, ip, uri }),
      };
    });
  }

  /** Whether one rule gives `requester` a certificate of `service` with all of these names besides the service's own. */
  give(requester: RequestingService, service: string, names: readonly GeneralName[]): boolean {
    const own = generalNameToString({ kind: 'dns', value: service });
    const others = names.filter((name) => generalNameToString(name) !== own);
    return this.#rules.some(
      (rule) =>
        rule.isAbout(requester) &&
        rule.services.some((gives) => gives(service)) &&
        rule.names.firstRefused(others) === undefined,
    );
  }
}

function serviceRule(text: string): (service: string) => boolean {
  const [, beginning, rest] = /^([a-z0-9.-]*)(\*?)$/.exec(text) ?? [];
  if (beginning === undefined || text === '')
    throw new RangeError(`${JSON.stringify(text)} is not a rule for services`);
  return rest === '*' ? (service) => service.startsWith(beginning) : (service) => service === beginning;
}
