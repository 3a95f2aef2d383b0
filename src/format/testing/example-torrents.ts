/**
 * Torrents made with the reference creator of BEP 52, as test vectors. Content: directory `tree`, piece length 32768,
 * files a.txt (1000 bytes), b.bin (70000), empty (0), sub/c.bin (16384), each filled by `contentOf` its path.
 */
import { createHash } from 'node:crypto';
import { fromHex } from '../../base/bytes.js';

export const V2_TORRENT: Uint8Array = fromBase64([
  'ZDg6YW5ub3VuY2UyNzpodHRwOi8vZXhhbXBsZS5jb20vYW5ub3VuY2U0OmluZm9kOTpmaWxlIHRyZWVkNTphLnR4dGQwOmQ2Omxlbmd0aGkxMD',
  'AwZTExOnBpZWNlcyByb290MzI6RDCbo1GC9ant27M9nnNbO/JE2K8vQk5ulqunZ8F2fKVlZTU6Yi5iaW5kMDpkNjpsZW5ndGhpNzAwMDBlMTE6',
  'cGllY2VzIHJvb3QzMjqUBCvuWAms5FDELzZJNWleifRpeIq1t94FYilH5jmwG2VlNTplbXB0eWQwOmQ2Omxlbmd0aGkwZWVlMzpzdWJkNTpjLm',
  'JpbmQwOmQ2Omxlbmd0aGkxNjM4NGUxMTpwaWVjZXMgcm9vdDMyOhEU783JyHc+FJN/tTX/nWbbvp0sD+4cZvqhcyq4Y2NnZWVlZTEyOm1ldGEg',
  'dmVyc2lvbmkyZTQ6bmFtZTQ6dHJlZTEyOnBpZWNlIGxlbmd0aGkzMjc2OGVlMTI6cGllY2UgbGF5ZXJzZDMyOpQEK+5YCazkUMQvNkk1aV6J9G',
  'l4irW33gViKUfmObAbOTY6RSCqkd8NVYJYl5/EExg6cj3XIE+8XPYwq/tqY1CTTECRDSl+IwXeOTz24CL1ZNtjBMNOt31XrsMfx8wXEIAZ0NrE',
  'EwdSAPTLwS/NTg4w2U3wsbSHpb319GahXnXooQKCZWU=',
]);
export const V2_INFO_HASH = '3683f3e35f8cc8af29e8a7f513291314664c81ec3b4791afbe53380a3e596712';

export const HYBRID_TORRENT: Uint8Array = fromBase64([
  'ZDg6YW5ub3VuY2UyNzpodHRwOi8vZXhhbXBsZS5jb20vYW5ub3VuY2U0OmluZm9kOTpmaWxlIHRyZWVkNTphLnR4dGQwOmQ2Omxlbmd0aGkxMD',
  'AwZTExOnBpZWNlcyByb290MzI6RDCbo1GC9ant27M9nnNbO/JE2K8vQk5ulqunZ8F2fKVlZTU6Yi5iaW5kMDpkNjpsZW5ndGhpNzAwMDBlMTE6',
  'cGllY2VzIHJvb3QzMjqUBCvuWAms5FDELzZJNWleifRpeIq1t94FYilH5jmwG2VlNTplbXB0eWQwOmQ2Omxlbmd0aGkwZWVlMzpzdWJkNTpjLm',
  'JpbmQwOmQ2Omxlbmd0aGkxNjM4NGUxMTpwaWVjZXMgcm9vdDMyOhEU783JyHc+FJN/tTX/nWbbvp0sD+4cZvqhcyq4Y2NnZWVlZTU6ZmlsZXNs',
  'ZDY6bGVuZ3RoaTEwMDBlNDpwYXRobDU6YS50eHRlZWQ0OmF0dHIxOnA2Omxlbmd0aGkzMTc2OGU0OnBhdGhsNDoucGFkNTozMTc2OGVlZDY6bG',
  'VuZ3RoaTcwMDAwZTQ6cGF0aGw1OmIuYmluZWVkNDphdHRyMTpwNjpsZW5ndGhpMjgzMDRlNDpwYXRobDQ6LnBhZDU6MjgzMDRlZWQ2Omxlbmd0',
  'aGkwZTQ6cGF0aGw1OmVtcHR5ZWVkNjpsZW5ndGhpMTYzODRlNDpwYXRobDM6c3ViNTpjLmJpbmVlZDQ6YXR0cjE6cDY6bGVuZ3RoaTE2Mzg0ZT',
  'Q6cGF0aGw0Oi5wYWQ1OjE2Mzg0ZWVlMTI6bWV0YSB2ZXJzaW9uaTJlNDpuYW1lNDp0cmVlMTI6cGllY2UgbGVuZ3RoaTMyNzY4ZTY6cGllY2Vz',
  'MTAwOralrs7e7zES+8uWiGZleaQ8peCft2gmZDVM9LvpscwSbqWoh3c+zO3nejlilUYSmwj7lVa577uK88Ecsc0Sr9cKodR6gk85v5j5J2ATFr',
  'eqgnkvMK7eNTdN3zjlHq8ZIJdz7+BlMTI6cGllY2UgbGF5ZXJzZDMyOpQEK+5YCazkUMQvNkk1aV6J9Gl4irW33gViKUfmObAbOTY6RSCqkd8N',
  'VYJYl5/EExg6cj3XIE+8XPYwq/tqY1CTTECRDSl+IwXeOTz24CL1ZNtjBMNOt31XrsMfx8wXEIAZ0NrEEwdSAPTLwS/NTg4w2U3wsbSHpb319G',
  'ahXnXooQKCZWU=',
]);
export const HYBRID_INFO_HASH_V1 = '71bd84fb67b9eebfcf1585105076bd69e4447257';
export const HYBRID_INFO_HASH_V2 = '3aabd2b8c929a6a4e639675286016f235516bd196642a443bba33e91072f0aea';

export const ROOT_A = '44309ba35182f5a9eddbb33d9e735b3bf244d8af2f424e6e96aba767c1767ca5';
export const ROOT_B = '94042bee5809ace450c42f364935695e89f469788ab5b7de05622947e639b01b';
export const ROOT_C = '1114efcdc9c8773e14937fb535ff9d66dbbe9d2c0fee1c66faa1732ab8636367';
export const LAYER_B: readonly string[] = [
  '4520aa91df0d558258979fc413183a723dd7204fbc5cf630abfb6a6350934c40',
  '910d297e2305de393cf6e022f564db6304c34eb77d57aec31fc7cc17108019d0',
  'dac413075200f4cbc12fcd4e0e30d94df0b1b487a5bdf5f466a15e75e8a10282',
];

/** The first 40000 bytes of `contentOf('v1.bin')` in pieces of 16384. */
export const V1_PIECES: Uint8Array = fromHex(
  '4857a611da79ac5895ddf98ef4656b6c4527fa5d' +
    '7d167ef1438b0b84ac4c6f19a61799575b2c2809' +
    'aee175c9ad8e1264725a3aedfb5f06641e678ecc',
)!;
export const V1_INFO_HASH = '759ba2303477e0e4517a6ab175c9a84c4238f8ec';

/** SHA256(seed ‖ 0) ‖ SHA256(seed ‖ 1) ‖ …, cut to `length` bytes; the counter is 32 bits, big-endian. */
export function contentOf(seed: string, length: number): Uint8Array {
  const content = new Uint8Array(length);
  for (let offset = 0; offset < length; offset += 32) {
    const counter = new Uint8Array(4);
    new DataView(counter.buffer).setUint32(0, offset / 32);
    const block = createHash('sha256').update(seed).update(counter).digest();
    content.set(block.subarray(0, length - offset), offset);
  }
  return content;
}

function fromBase64(lines: readonly string[]): Uint8Array {
  return Uint8Array.from(atob(lines.join('')), (character) => character.charCodeAt(0));
}
