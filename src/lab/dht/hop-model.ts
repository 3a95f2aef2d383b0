/**
 * How many hops a lookup takes where nothing goes wrong, for buckets of k nodes. Used by the report of DhtNetwork.
 *
 * A node that shares d bits with the target knows k nodes, drawn evenly, of the half of its subtree that the target is in:
 * each shares d + 1 bits at least, and of k nodes the best shares G more, G the greatest of k geometric variables (each
 * further bit is a coin). So a hop gains X = 1 + G bits (as in Stutzbach and Rejaie, "Improving Lookup Performance over a
 * Widely-Deployed DHT", INFOCOM 2006), with
 *   P(G >= j) = 1 - (1 - 2^-j)^k,   b = E[X] = 1 + sum over j >= 1 of P(G >= j) = 4.4 for k = 8.
 * It has arrived among the k closest of N nodes when it shares L = log2(N / k) bits. Hops are whole, and gains are random:
 * the sum of gains passes L, by the renewal theorem, after
 *   E[hops] = L / b + E[X^2] / (2 b^2).
 */

/** k of BEP 5. */
export const BUCKET_NODES = 8;

export interface HopModel {
  /** b. */
  readonly bitsPerHop: number;
  /** E[hops]: from whoever asks to one of the k closest, which is asked in the last hop. */
  readonly hops: number;
}

export function hopModel({ nodes, k = BUCKET_NODES }: { readonly nodes: number; readonly k?: number }): HopModel {
  let mean = 1;
  let squares = 1;
  for (let bits = 1; bits <= BITS_MAX; bits++) {
    const share = 1 - (1 - 2 ** -bits) ** k;
    mean += share;
    // E[X^2] = sum over x >= 1 of (2x - 1) P(X >= x), and X >= x is G >= x - 1.
    squares += (2 * bits + 1) * share;
  }
  const distance = Math.max(0, Math.log2(nodes / k));
  return { bitsPerHop: mean, hops: Math.max(1, distance / mean + squares / (2 * mean * mean)) };
}

/** Beyond it nothing is added to a double. */
const BITS_MAX = 60;
