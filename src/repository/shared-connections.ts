import type { Server, Socket } from 'node:net';
import { addressGroup } from '../mtls/index.js';

/**
 * Bounds the open connections of a server that anybody may connect to. With one over `most`, the address that has the most loses its oldest one; a newcomer of
 * an address that has as many as any is reset itself. So no address shuts out the others, such as the prober of this process.
 */
export function shareConnections(server: Server, most: number): void {
  const groups = new Map<string, Set<Socket>>();
  let open = 0;
  const forget = (name: string, socket: Socket): void => {
    const group = groups.get(name);
    if (!group?.delete(socket)) return;
    open--;
    if (group.size === 0) groups.delete(name);
  };
  server.on('connection', (newcomer: Socket) => {
    const own = addressGroup(newcomer.remoteAddress);
    const mine = groups.get(own) ?? new Set<Socket>();
    groups.set(own, mine.add(newcomer));
    open++;
    newcomer.once('close', () => {
      forget(own, newcomer);
    });
    if (open <= most) return;
    let [name, socket, size] = [own, newcomer, mine.size];
    for (const [other, sockets] of groups) {
      const [oldest] = sockets;
      if (oldest && sockets.size > size) [name, socket, size] = [other, oldest, sockets.size];
    }
    forget(name, socket);
    socket.resetAndDestroy();
  });
}
