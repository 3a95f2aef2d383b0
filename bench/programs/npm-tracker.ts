/**
 * The tracker of npm's bittorrent-tracker, over HTTP and UDP on one port of loopback.
 * usage: npm-tracker.js PORT  ->  "listening" once it does
 */
import { importFromNpmPackage } from '../../test/harness/npm-package.js';

interface TrackerModule {
  readonly Server: new (options: {
    readonly http: boolean;
    readonly udp: boolean;
    readonly ws: boolean;
    readonly stats: boolean;
  }) => {
    on(event: string, listener: () => void): void;
    listen(port: number, host: { http: string; udp4: string; udp6: string }, listening: () => void): void;
  };
}

const [port] = process.argv.slice(2);
const { Server } = await importFromNpmPackage<TrackerModule>('tracker.js');
const server = new Server({ http: true, udp: true, ws: false, stats: false });
server.on('error', () => process.exit(1));
server.listen(Number(port), { http: '127.0.0.1', udp4: '127.0.0.1', udp6: '::1' }, () => console.log('listening'));
process.on('SIGTERM', () => process.exit(0));
