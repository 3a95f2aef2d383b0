/** A session that has stopped holds nothing: no socket, no piece buffer, no open conversation. */
import type { LabLife } from '../lab-life.js';
import type { Invariant } from './invariant.js';

export class NothingLeft implements Invariant {
  readonly name: string = 'nothing outlives a stop';

  onStopped({ node, conversations }: LabLife): string | null {
    const { openCount } = node.host.network;
    if (openCount > 0) return `${openCount} sockets are open`;
    if (conversations.size > 0) return `${conversations.size} connections have not been told to be over`;
    const { writeBudget, readCache } = node.session.context;
    if (writeBudget.usedBytes !== 0) return `${writeBudget.usedBytes} bytes of piece buffers are taken`;
    return readCache.usedBytes === 0 ? null : `${readCache.usedBytes} bytes of read cache are taken`;
  }
}
