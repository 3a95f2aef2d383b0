/**
 * What was closed is gone only at the end of the event loop's round, and nothing says when all of it is: `close` of a
 * net.Server waits for accepted sockets too, which may not be the server's any more (tcp.ts). Called last by what promises
 * to leave nothing open. The second immediate comes after the end of the round in which the first was asked for.
 */
export function handlesClosed(): Promise<void> {
  return new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
}
