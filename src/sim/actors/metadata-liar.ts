/**
 * The actor that lies about the metadata (BEP 9) to whoever has a magnet link only.
 * wrong-bytes: the right size, other bytes · huge: claims the largest size there is, and sends zeros · tiny: claims one
 * byte · shifting: claims another size all the time · offsets: answers with other blocks, lengths and sizes than asked
 * for · silent: answers nothing · rejects: refuses · unasked: sends blocks before it is asked.
 */
import { LIMITS } from '../../base/limits.js';
import { randomBelow } from '../../base/random.js';
import { EXTENSION_IDS } from '../../protocol/wire/extension-handshake.js';
import {
  decodeMetadataMessage,
  encodeMetadataData,
  encodeMetadataReject,
  METADATA_BLOCK_BYTES,
  metadataBlockBytes,
} from '../../protocol/wire/metadata.js';
import { Script } from './script.js';

const SHIFT_EVERY_MS = 500;

export class MetadataLiar extends Script {
  #claimedBytes = this.#claim();

  protected override onExtensions(): void {
    const { variant } = this.actor;
    if (variant === 'unasked') for (let block = 0; block < 4; block++) this.#sendBlock(block);
  }

  protected override onGreeted(): void {
    super.onGreeted();
    if (this.actor.variant !== 'shifting') return;
    this.every(SHIFT_EVERY_MS, () => {
      this.#claimedBytes = this.#claim();
      this.sayExtensions();
    });
  }

  protected override sayExtensions(): void {
    this.peer.extensionHandshake({
      extensions: new Map([['ut_metadata', EXTENSION_IDS.ut_metadata]]),
      listenPort: this.actor.address.port,
      metadataBytes: this.#claimedBytes,
    });
  }

  override onExtended(id: number, payload: Uint8Array): void {
    super.onExtended(id, payload);
    if (id !== EXTENSION_IDS.ut_metadata) return;
    const message = decodeMetadataMessage(payload);
    if (message?.type !== 'request') return;
    const { variant } = this.actor;
    if (variant === 'rejects') this.sendExtended('ut_metadata', encodeMetadataReject(message.block));
    else if (variant === 'offsets') this.#sendAside(message.block);
    else if (variant !== 'silent') this.#sendBlock(message.block);
  }

  #claim(): number {
    const right = this.actor.world.metainfo.infoBytes.length;
    switch (this.actor.variant) {
      case 'huge':
        return LIMITS.metadataBytesMax;
      case 'tiny':
        return 1;
      case 'shifting':
        return 1 + randomBelow(this.random, 100_000);
      default:
        return right;
    }
  }

  /** Of the right length, and wrong. */
  #sendBlock(block: number): void {
    const bytes = new Uint8Array(metadataBlockBytes(this.#claimedBytes, block));
    this.sendExtended('ut_metadata', encodeMetadataData(block, this.#claimedBytes, bytes));
  }

  #sendAside(block: number): void {
    const total = this.#claimedBytes;
    const right = this.actor.world.metainfo.infoBytes.subarray(
      block * METADATA_BLOCK_BYTES,
      (block + 1) * METADATA_BLOCK_BYTES,
    );
    const choices = [
      () => encodeMetadataData(block + 1, total, right),
      () => encodeMetadataData(2 ** 40, total, right),
      () => encodeMetadataData(block, total + 1, right),
      () => encodeMetadataData(block, total, right.subarray(1)),
      () => encodeMetadataData(block, total, new Uint8Array(METADATA_BLOCK_BYTES + 100)),
      () => encodeMetadataData(block, -1, right),
    ];
    this.sendExtended('ut_metadata', choices[randomBelow(this.random, choices.length)]!());
  }
}
