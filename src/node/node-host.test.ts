import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { SILENT_LOG } from '../host/log.js';
import type { ByteStream, ByteStreamHandler } from '../host/network.js';
import { nodeHost } from './node-host.js';

const QUIET: ByteStreamHandler = { onOpen() {}, onData() {}, onWritten() {}, onClose() {} };

describe('nodeHost', () => {
  test('close ends every stream, listener and datagram socket, and can be called twice', async () => {
    const host = nodeHost({ diskWorkers: 1, maxOpenFiles: 10, log: SILENT_LOG });
    const closed: string[] = [];
    let dialled: ByteStream | null = null;
    await new Promise<void>((resolve, reject) => {
      host.network.listen(
        { host: '127.0.0.1', port: 0 },
        {
          onListening: (port) => {
            const handler = { ...QUIET, onClose: () => closed.push('dialled') };
            const to = { family: 4, host: '127.0.0.1', port } as const;
            dialled = host.network.dial(to, { bindHost: '', timeoutMs: 60_000 }, handler);
          },
          onConnection: (stream) => {
            stream.handler = { ...QUIET, onClose: () => closed.push('accepted') };
            resolve();
          },
          onError: reject,
        },
      );
    });
    host.network.openDatagramSocket({ host: '', port: 0 }, { onListening() {}, onDatagram() {}, onError() {} });
    await host.close();
    await host.close();
    assert.ok(dialled !== null);
    assert.deepEqual(closed.sort(), ['accepted', 'dialled']);
  });

  test('a process whose host is closed ends by itself', () => {
    const script = `
      import { createServer } from 'node:http';
      import { nodeHost } from ${JSON.stringify(new URL('./node-host.js', import.meta.url).href)};
      const host = nodeHost({ diskWorkers: 2, maxOpenFiles: 10 });
      host.clock.wakeAt(host.clock.now() + 3_600_000, () => {});
      host.network.listen({ host: '', port: 0 }, { onListening() {}, onConnection() {}, onError() {} });
      host.network.openDatagramSocket({ host: '', port: 0 }, { onListening() {}, onDatagram() {}, onError() {} });
      const server = createServer((request, response) => response.end('x')).listen(0, '127.0.0.1', () => {
        const url = 'http://127.0.0.1:' + server.address().port + '/';
        const request = { url, userAgent: '', timeoutMs: 5000, bodyBytesMax: 9, redirectsMax: 0, bindHost: '', family: 0 };
        host.network.httpGet(request, (result) => {
          server.close();
          void host.close().then(() => console.log('closed after', result.status));
        });
      });`;
    const child = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      cwd: fileURLToPath(new URL('.', import.meta.url)),
      encoding: 'utf8',
      timeout: 30_000,
    });
    assert.equal(child.stderr, '');
    assert.equal(child.stdout, 'closed after 200\n');
    assert.equal(child.status, 0);
  });

  test('undici is loaded by the first HTTP request, not before', () => {
    const script = `
      import { nodeHost } from ${JSON.stringify(new URL('./node-host.js', import.meta.url).href)};
      const isLoaded = () => Object.getOwnPropertySymbols(globalThis).some((s) => String(s).includes('undici.globalDispatcher'));
      const host = nodeHost({ diskWorkers: 0, maxOpenFiles: 10 });
      const before = isLoaded();
      const request = { url: 'http://127.0.0.1:1/', userAgent: '', timeoutMs: 5000, bodyBytesMax: 9, redirectsMax: 0, bindHost: '', family: 0 };
      host.network.httpGet(request, () => {
        console.log(before, isLoaded());
        void host.close();
      });`;
    const child = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      encoding: 'utf8',
      timeout: 30_000,
    });
    assert.equal(child.stdout, 'false true\n', child.stderr);
  });
});
