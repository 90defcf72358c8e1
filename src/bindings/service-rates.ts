import type { Configuration } from '../configuration/index.js';
import type { RateExchange, RateOf, Spent } from '../mtls/index.js';
import type { Store } from '../store/index.js';

/** The rates of services from the settings; undefined when there are none, so that requests pay nothing for it. */
export function ratesOf(table: Configuration['mtls']['rates']): RateOf | undefined {
  if (table.length === 0) return undefined;
  const byService = new Map(table.map(({ service, perSecond, burst }) => [service, { perSecond, burst }]));
  const others = byService.get('*');
  return ({ service }) => byService.get(service) ?? others;
}

/** Lets the nodes on one database share one budget for each service. Empty where the store cannot be shared. */
export function sharedRates(store: Store): { readonly exchange?: RateExchange } {
  if (!store.isShared) return {};
  let heard: (spent: readonly Spent[]) => void = () => undefined;
  const nodes = store.exchange('rates', (message) => {
    heard(readSpent(message));
  });
  return {
    exchange: {
      tell: async (spent) => nodes?.tell(writeSpent(spent)),
      hear: (listener) => {
        heard = listener;
        return () => void nodes?.close();
      },
    },
  };
}

// A PostgreSQL notification holds at most 7999 octets; a SPIFFE ID alone may have 2048.
const MOST_OCTETS = 7_999;
const MOST_SPENT = 1_000;

/** Packs the items into as few messages as possible. An item that does not fit into one message is left out. */
function writeSpent(spent: readonly Spent[]): string[] {
  const messages: string[] = [];
  let items: string[] = [];
  let octets = 2;
  const end = (): void => {
    if (items.length > 0) messages.push(`[${items.join(',')}]`);
    items = [];
    octets = 2;
  };
  for (const each of spent) {
    const item = JSON.stringify(each);
    const more = Buffer.byteLength(item) + 1;
    if (octets + more > MOST_OCTETS) end();
    if (octets + more > MOST_OCTETS) continue;
    items.push(item);
    octets += more;
  }
  end();
  return messages;
}

/** Anything that is not such a message counts as empty: whoever may connect to the database can send anything. */
function readSpent(message: string): readonly Spent[] {
  try {
    const read: unknown = JSON.parse(message);
    return Array.isArray(read) && read.length <= MOST_SPENT && read.every(isSpent) ? read : [];
  } catch {
    return [];
  }
}

function isSpent(value: unknown): value is Spent {
  if (!Array.isArray(value) || value.length !== 3) return false;
  const [limit, service, milliseconds] = value as readonly unknown[];
  const isText = (text: unknown, most: number): boolean => typeof text === 'string' && text.length <= most;
  return isText(limit, 1_024) && isText(service, 2_048) && typeof milliseconds === 'number' && milliseconds > 0;
}
