/**
 * Mutations that know the framing of the peer wire: messages of a script are dropped, said twice, swapped, taken from
 * elsewhere, or changed in one number, and the framing stays right, so that the change is met by what reads messages.
 */
import { concatBytes, readUint32 } from '../../src/base/bytes.js';
import { type Random, randomBelow } from '../../src/base/random.js';
import { HANDSHAKE_BYTES } from '../../src/protocol/wire/handshake.js';
import { INTERESTING_NUMBERS, pick } from './interesting.js';

const CHANGES_MAX = 8;

/** `script` begins with a handshake; `others` are scripts to take messages from, at least one. */
export function mutateFrames(script: Uint8Array, others: readonly Uint8Array[], random: Random): Uint8Array {
  const frames = framesOf(script);
  const changes = 1 + randomBelow(random, CHANGES_MAX);
  for (let i = 0; i < changes; i++) change(frames, others, random);
  return concatBytes([script.subarray(0, HANDSHAKE_BYTES), ...frames]);
}

function framesOf(script: Uint8Array): Uint8Array[] {
  const frames: Uint8Array[] = [];
  for (let at = HANDSHAKE_BYTES; at < script.length; ) {
    const length = at + 4 <= script.length ? 4 + readUint32(script, at) : script.length;
    frames.push(script.slice(at, at + length));
    at += length;
  }
  return frames;
}

function change(frames: Uint8Array[], others: readonly Uint8Array[], random: Random): void {
  const at = randomBelow(random, frames.length + 1);
  const frame = frames[at];
  switch (randomBelow(random, 6)) {
    case 0:
      frames.splice(at, 1 + randomBelow(random, 3));
      break;
    case 1:
      if (frame !== undefined) frames.splice(at, 0, ...new Array<Uint8Array>(1 + randomBelow(random, 20)).fill(frame));
      break;
    case 2: {
      const moved = frames.splice(at, 1 + randomBelow(random, 5));
      frames.splice(randomBelow(random, frames.length + 1), 0, ...moved);
      break;
    }
    case 3: {
      const other = framesOf(pick(random, others));
      const from = randomBelow(random, other.length + 1);
      frames.splice(at, 0, ...other.slice(from, from + 1 + randomBelow(random, 6)));
      break;
    }
    default:
      if (frame !== undefined && frame.length > 5) frames[at] = changed(frame, random);
  }
}

/** Behind length and id. */
function changed(frame: Uint8Array, random: Random): Uint8Array {
  const copy = frame.slice();
  const offset = 5 + randomBelow(random, copy.length - 5);
  if (copy.length >= 9 && randomBelow(random, 2) === 0) {
    const view = new DataView(copy.buffer);
    const at = 5 + 4 * randomBelow(random, Math.min(3, Math.floor((copy.length - 5) / 4)));
    const old = view.getUint32(at);
    const near = pick(random, [old + 1, old - 1, old * 2, pick(random, INTERESTING_NUMBERS)]);
    view.setUint32(at, near >>> 0);
  } else copy[offset]! ^= 1 << randomBelow(random, 8);
  return copy;
}
