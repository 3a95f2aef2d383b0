/**
 * A tracker, HTTP and UDP on one port; torrents need no registration. Ctrl-C ends it.
 * usage: node tracker.js [PORT] [ADDRESS]
 */
import { startTracker } from 'dtorrent';

const [port = '6969', host = ''] = process.argv.slice(2);
const tracker = await startTracker({ host, port: Number(port) });
console.log(`http://127.0.0.1:${tracker.port}/announce`);
console.log(`udp://127.0.0.1:${tracker.port}`);

const timer = setInterval(() => {
  const { swarms, peers, seeds } = tracker.stats();
  console.log(`${swarms} torrents, ${peers} peers, ${seeds} of them seeds`);
}, 10_000);
process.once('SIGINT', () => {
  clearInterval(timer);
  void tracker.close();
});
