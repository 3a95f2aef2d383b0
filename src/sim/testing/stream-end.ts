/** One end of a simulated stream, for tests: what it heard, in words and in numbers. */
import type { DtorrentError } from '../../base/errors.js';
import type { ByteStream, ByteStreamHandler } from '../../host/network.js';
import type { SimHost } from '../sim-host.js';
import type { Simulator } from '../simulator.js';

export class StreamEnd implements ByteStreamHandler {
  stream!: ByteStream;
  isOpen = false;
  receivedBytes = 0;
  writtenBytes = 0;
  /** undefined = not closed. */
  closedWith: DtorrentError | null | undefined = undefined;
  onReceived: (chunk: Uint8Array) => void = () => {};
  onProgress: () => void = () => {};

  get isClosed(): boolean {
    return this.closedWith !== undefined;
  }

  onOpen(): void {
    this.isOpen = true;
  }
  onData(chunk: Uint8Array): void {
    this.receivedBytes += chunk.length;
    this.onReceived(chunk);
  }
  onWritten(totalBytes: number): void {
    this.writtenBytes = totalBytes;
    this.onProgress();
  }
  onClose(error: DtorrentError | null): void {
    this.closedWith = error;
  }
}

/** Takes all connections to `port`; they are in the list, in order. */
export function listenOn(host: SimHost, port: number): StreamEnd[] {
  const accepted: StreamEnd[] = [];
  host.network.listen(
    { host: '', port },
    {
      onListening() {},
      onError(error) {
        throw error;
      },
      onConnection(stream) {
        const end = new StreamEnd();
        end.stream = stream;
        end.isOpen = true;
        stream.handler = end;
        accepted.push(end);
      },
    },
  );
  return accepted;
}

/** Dials, over IPv4 unless told otherwise. */
export function dialFrom(
  host: SimHost,
  to: SimHost,
  port: number,
  options: { readonly family?: 4 | 6; readonly timeoutMs?: number } = {},
): StreamEnd {
  const { family = 4, timeoutMs = 10_000 } = options;
  const end = new StreamEnd();
  const ip = family === 4 ? to.ipv4! : to.ipv6!;
  end.stream = host.network.dial({ family, host: ip, port }, { bindHost: '', timeoutMs }, end);
  return end;
}

/** An open stream between two hosts. */
export function connect(
  simulator: Simulator,
  from: SimHost,
  to: SimHost,
  port = 7,
): { readonly dialled: StreamEnd; readonly accepted: StreamEnd } {
  const all = listenOn(to, port);
  const dialled = dialFrom(from, to, port);
  if (!simulator.run(() => dialled.isOpen && all.length > 0, { maxVirtualMs: 60_000 }))
    throw new Error('no connection');
  return { dialled, accepted: all[0]! };
}

/** Writes `bytes` in blocks, as the stream takes them. */
export function pour(end: StreamEnd, bytes: number): void {
  const block = new Uint8Array(16 * 1024);
  let left = bytes;
  const fill = (): void => {
    while (left > 0 && end.stream.bufferedBytes < 256 * 1024) {
      const chunk = block.subarray(0, Math.min(left, block.length));
      left -= chunk.length;
      end.stream.write(chunk);
    }
  };
  end.onProgress = fill;
  fill();
}
