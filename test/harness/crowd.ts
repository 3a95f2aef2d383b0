/**
 * Many connections to one listener, from this process: strangers of whom most never say a word. They are gone with the
 * test.
 */
import { connect, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { afterTest } from './cleanup.js';

export interface CrowdOptions {
  readonly port: number;
  readonly count: number;
  /** What the one with this number says once it is connected; null = nothing, ever. */
  readonly greeting?: (number: number) => Uint8Array | null;
}

export class Crowd {
  readonly #sockets: Socket[] = [];
  #connectedCount = 0;
  #wake: () => void = () => {};

  private constructor(t: TestContext) {
    afterTest(t, () => {
      for (const socket of this.#sockets) socket.destroy();
    });
  }

  /** Resolves once each has been connected or refused. */
  static async gather(t: TestContext, { port, count, greeting = () => null }: CrowdOptions): Promise<Crowd> {
    const crowd = new Crowd(t);
    let settled = 0;
    await new Promise<void>((resolve) => {
      const settle = (): void => {
        settled++;
        if (settled === count) resolve();
      };
      for (let number = 0; number < count; number++) {
        const socket = connect({ port, host: '127.0.0.1' });
        let isSettled = false;
        socket.on('connect', () => {
          crowd.#connectedCount++;
          isSettled = true;
          const words = greeting(number);
          if (words !== null) socket.write(words);
          settle();
        });
        socket.on('error', () => {});
        socket.on('close', () => {
          if (!isSettled) settle();
          crowd.#wake();
        });
        socket.resume();
        crowd.#sockets.push(socket);
      }
    });
    return crowd;
  }

  get connectedCount(): number {
    return this.#connectedCount;
  }

  /** Those that the other side has not closed. */
  get openCount(): number {
    return this.#sockets.filter((socket) => !socket.closed).length;
  }

  /** Resolves when at most `count` are open: what the other side closes arrives one by one. */
  async shrinksTo(count: number): Promise<void> {
    while (this.openCount > count) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
