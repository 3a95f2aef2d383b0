/** Ports for clients that cannot be told "any free one", and whether such a client takes peers yet. */
import { connect, createServer } from 'node:net';

/** A TCP port that was free a moment ago on `host`. */
export function freePort(host = '127.0.0.1'): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, host, () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}

/** As many, no two the same. */
export async function freePorts(count: number, host = '127.0.0.1'): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < count) ports.add(await freePort(host));
  return [...ports];
}

/**
 * Whether what listens on `port` takes a connection and keeps it: libtorrent closes those that come while it has no
 * running torrent, and who was closed comes back seconds later.
 */
export function keepsConnections(port: number, host = '127.0.0.1'): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, host);
    const settle = (kept: boolean): void => {
      socket.destroy();
      resolve(kept);
    };
    socket.setTimeout(200, () => settle(!socket.connecting));
    socket.on('error', () => settle(false));
    socket.on('end', () => settle(false));
    socket.resume();
  });
}
