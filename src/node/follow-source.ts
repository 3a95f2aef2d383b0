/**
 * Ties a stream to the one that is piped into it, in both directions: pipe() hands on neither errors nor destruction,
 * and with them one line of pipes is all that an owner needs. Used by WireStream.
 */
import { type Duplex, finished, type Readable } from 'node:stream';
import { networkError, systemErrorCode } from './system-error.js';

/**
 * From now on, until it is unpiped: when `source` breaks, `stream` is destroyed with an `ENETWORK` error; when `stream`
 * is destroyed, so is `source`. A source that its owner destroys is nobody's fault, and no error.
 */
export function followSource(stream: Duplex, source: Readable): void {
  const unfollow = finished(source, { writable: false }, (error) => {
    if (error === undefined || error === null || stream.destroyed) return;
    const isDeliberate = systemErrorCode(error) === 'ERR_STREAM_PREMATURE_CLOSE';
    stream.destroy(isDeliberate ? undefined : networkError('the connection to the peer broke', error));
  });
  const onClose = (): void => {
    if (!stream.readableEnded) source.destroy();
  };
  const onUnpipe = (unpiped: Readable): void => {
    // Also emitted by pipe() itself while it cleans up after us; then the source still goes with us.
    if (unpiped !== source || stream.destroyed || stream.writableEnded) return;
    unfollow();
    stream.off('close', onClose);
    stream.off('unpipe', onUnpipe);
  };
  stream.once('close', onClose);
  stream.on('unpipe', onUnpipe);
}
