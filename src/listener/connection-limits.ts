import { BlockList, type Socket } from 'node:net';
import type { Server, TLSSocket } from 'node:tls';
import type { LoggerService } from '@nestjs/common';
import type { HttpConfig } from '../configuration/index.js';
import { addressGroup } from '../mtls/index.js';

/** The bounds of the HTTPS listener on connections, all before TLS begins. */
export type ConnectionSettings = Pick<
  HttpConfig,
  | 'maxConnectionsPerAddress'
  | 'maxHandshakes'
  | 'maxHandshakesPerAddress'
  | 'connectionRate'
  | 'connectionRatePerAddress'
  | 'trustedAddresses'
>;

/** The setting by which a connection was dropped. */
type Bound = Exclude<keyof ConnectionSettings, 'trustedAddresses'> | 'maxConnections';

const BURST_SECONDS = 2;
/**
 * OpenSSL verifies each certificate that a client sends beside its own, though nobody here believes any of them: up to six milliseconds for one of half a
 * kilobyte and more (an RSA key whose exponent is as long as its modulus), where a whole handshake takes one. So one that is longer than any honest client's
 * counts as so many connections more for each 16 KiB behind the first.
 */
const HANDSHAKE_OCTETS = 16 * 1024;
const COUNTED_MORE = 64;
const LOG_INTERVAL_MS = 1_000;
const FIRST_SWEEP = 1_024;
const MOST_GROUPS = 65_536;

/** The connections of one group, or of all: how many are open, how many of them have finished the handshake, and when the rate is whole again. */
class Connections {
  open = 0;
  secure = 0;
  #wholeAt = 0;

  get handshakes(): number {
    return this.open - this.secure;
  }

  isIdle(now: number): boolean {
    return this.open === 0 && this.#wholeAt <= now;
  }

  hasRate(perSecond: number, now: number): boolean {
    // The sum of many steps is rounded: a millionth of a millisecond does not count.
    return Math.max(this.#wholeAt, now) + 1_000 / perSecond - now <= BURST_SECONDS * 1_000 + 1e-6;
  }

  take(perSecond: number, now: number): void {
    this.open++;
    this.owe(1, perSecond, now);
  }

  owe(count: number, perSecond: number, now: number): void {
    this.#wholeAt = Math.max(this.#wholeAt, now) + (count * 1_000) / perSecond;
  }
}

/** The connections of each address group; groups that have none, and their whole rate again, are forgotten. */
class AddressGroups {
  readonly #groups = new Map<string, Connections>();
  #sweepAt = FIRST_SWEEP;

  /** The group as it is, or a new one. */
  of(name: string, now: number): Connections {
    let group = this.#groups.get(name);
    if (!group) {
      if (this.#groups.size >= this.#sweepAt) this.#sweep(now);
      this.#groups.set(name, (group = new Connections()));
    }
    return group;
  }

  find(name: string): Connections | undefined {
    return this.#groups.get(name);
  }

  #sweep(now: number): void {
    for (const [name, connections] of this.#groups) if (connections.isIdle(now)) this.#groups.delete(name);
    // A flood from more networks than that is bounded by the totals.
    if (this.#groups.size >= MOST_GROUPS)
      for (const [name, { open }] of this.#groups) if (open === 0) this.#groups.delete(name);
    this.#sweepAt = Math.max(FIRST_SWEEP, this.#groups.size * 2);
  }
}

/**
 * Bounds who may connect, before a key is touched: a connection over a bound is reset at once, before TLS begins. To be called on a server that has
 * its own listeners already. `clock` in milliseconds, never going back. At most one line a second in the log says how many connections were dropped,
 * and by which settings.
 */
export function limitConnections(
  server: Server,
  settings: ConnectionSettings,
  logger: LoggerService,
  clock: () => number = () => performance.now(),
): void {
  const trusted = networksOf(settings.trustedAddresses);
  const isTrusted = (address: string): boolean => trusted.check(address, familyOf(address));
  const total = new Connections();
  const groups = new AddressGroups();
  const report = dropReport(logger);
  /** The connections in the handshake by {@link clientOf}, as the socket that TLS puts in their place does not say what came over them. */
  const begun = new Map<string, Socket>();
  const endHandshake = (client: string, group: Connections, secure?: TLSSocket): void => {
    const socket = begun.get(client);
    begun.delete(client);
    if (!socket || socket.bytesRead < 2 * HANDSHAKE_OCTETS) return;
    // A request may have come in the same read. By then it is decrypted, but for one record, which has 16 KiB at most.
    setImmediate(() => {
      const more = Math.floor((socket.bytesRead - (secure?.bytesRead ?? 0)) / HANDSHAKE_OCTETS) - 1;
      if (more > 0) group.owe(more * COUNTED_MORE, settings.connectionRatePerAddress, clock());
    });
  };

  const admitted = (socket: Socket): boolean => {
    const { remoteAddress } = socket;
    // It is gone already.
    if (remoteAddress === undefined) return false;
    if (isTrusted(remoteAddress)) return true;
    const now = clock();
    const name = addressGroup(remoteAddress);
    const group = groups.of(name, now);
    const bound = boundOver({ group, total }, settings, now);
    if (bound !== undefined) {
      report(bound, name);
      return false;
    }
    group.take(settings.connectionRatePerAddress, now);
    total.take(settings.connectionRate, now);
    const client = clientOf(socket);
    begun.set(client, socket);
    socket.once('close', () => {
      // By now another may have begun from the same port.
      if (begun.get(client) === socket) endHandshake(client, group);
      group.open--;
      total.open--;
    });
    return true;
  };

  const begin = server.listeners('connection');
  server.removeAllListeners('connection');
  server.on('connection', (socket: Socket) => {
    if (admitted(socket)) for (const listener of begin) listener.call(server, socket);
    else socket.resetAndDestroy();
  });
  server.on('secureConnection', (socket: TLSSocket) => {
    // Those that count are all among those that have begun, and to ask a TLS socket for its address takes longer than all the rest here.
    if (begun.size === 0) return;
    const { remoteAddress } = socket;
    if (remoteAddress === undefined || isTrusted(remoteAddress)) return;
    const group = groups.find(addressGroup(remoteAddress));
    if (!group) return;
    group.secure++;
    total.secure++;
    endHandshake(clientOf(socket), group, socket);
    socket.once('close', () => {
      group.secure--;
      total.secure--;
    });
  });
  server.on('drop', (dropped?: { readonly remoteAddress?: string }) => {
    report('maxConnections', addressGroup(dropped?.remoteAddress));
  });
}

const clientOf = ({ remoteAddress = '', remotePort = 0 }: Socket): string => `${remoteAddress} ${remotePort}`;

/** The bound that one more connection of `group` would be over, if any. */
function boundOver(
  { group, total }: { readonly group: Connections; readonly total: Connections },
  settings: ConnectionSettings,
  now: number,
): Bound | undefined {
  if (group.open >= settings.maxConnectionsPerAddress) return 'maxConnectionsPerAddress';
  if (group.handshakes >= settings.maxHandshakesPerAddress) return 'maxHandshakesPerAddress';
  if (!group.hasRate(settings.connectionRatePerAddress, now)) return 'connectionRatePerAddress';
  if (total.handshakes >= settings.maxHandshakes) return 'maxHandshakes';
  if (!total.hasRate(settings.connectionRate, now)) return 'connectionRate';
  return undefined;
}

function networksOf(written: readonly string[]): BlockList {
  const networks = new BlockList();
  for (const each of written) {
    const [address = '', prefix] = each.split('/');
    if (prefix === undefined) networks.addAddress(address, familyOf(address));
    else networks.addSubnet(address, Number(prefix), familyOf(address));
  }
  return networks;
}

/**
 * For text that the settings or the system have already proven to be an address. Node.js would check with an IPv6 pattern that is slow to compile.
 */
const familyOf = (address: string): 'ipv6' | 'ipv4' => (address.includes(':') ? 'ipv6' : 'ipv4');

/** Logs the first drop at once, and those that follow it together, a second later. */
function dropReport(logger: LoggerService): (bound: Bound, address: string) => void {
  let counts: Partial<Record<Bound, number>> = {};
  let last = '';
  let timer: NodeJS.Timeout | undefined;
  const say = (): void => {
    const dropped = Object.values(counts).reduce((sum, each) => sum + each, 0);
    timer = undefined;
    if (dropped === 0) return;
    const by = Object.fromEntries(Object.entries(counts).map(([bound, count]) => [`http.${bound}`, count]));
    logger.warn({ event: 'connections_dropped', dropped, by, last }, 'Http');
    counts = {};
    timer = setTimeout(say, LOG_INTERVAL_MS).unref();
  };
  return (bound, address) => {
    counts[bound] = (counts[bound] ?? 0) + 1;
    last = address;
    if (!timer) say();
  };
}
