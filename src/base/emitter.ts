/**
 * A typed event source. Events are objects of one union, told apart by `type`; listeners run synchronously, in the
 * order they were added. A listener that throws does not stop the others: its error goes to `onListenerError`.
 */
import { RareMap } from './rarely-filled.js';

type EventOf<E extends { readonly type: string }, T extends E['type']> = Extract<E, { readonly type: T }>;

export class Emitter<E extends { readonly type: string }> {
  readonly #listeners = new RareMap<string, ((event: E) => void)[]>();
  /** Where errors thrown by listeners go; the default rethrows them on the next microtask. */
  onListenerError: (error: unknown) => void = rethrowLater;

  /** @returns a function that removes the listener. `'*'` hears every event. */
  on<T extends E['type']>(type: T, listener: (event: EventOf<E, T>) => void): () => void;
  on(type: '*', listener: (event: E) => void): () => void;
  on(type: string, listener: (event: never) => void): () => void {
    // Of its own for each call: one function added twice is two listeners, each removed by its own remover.
    const typed = (event: E): void => (listener as (event: E) => void)(event);
    // Replaced, never changed in place: a listener may add or remove listeners while an event is being told.
    this.#listeners.set(type, [...(this.#listeners.get(type) ?? []), typed]);
    return () => {
      this.#listeners.set(
        type,
        (this.#listeners.get(type) ?? []).filter((other) => other !== typed),
      );
    };
  }

  /** Like `on`, for one event only. */
  once<T extends E['type']>(type: T, listener: (event: EventOf<E, T>) => void): () => void {
    const remove = this.on(type, (event) => {
      remove();
      listener(event);
    });
    return remove;
  }

  emit(event: E): void {
    this.#tell(this.#listeners.get(event.type), event);
    this.#tell(this.#listeners.get('*'), event);
  }

  #tell(listeners: ((event: E) => void)[] | undefined, event: E): void {
    if (listeners === undefined) return;
    for (const listener of listeners) {
      try {
        listener(event);
      } catch (error) {
        this.onListenerError(error);
      }
    }
  }
}

function rethrowLater(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
