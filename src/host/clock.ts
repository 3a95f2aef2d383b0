/** Time is a port: the engine never asks the platform, so that a swarm can run in virtual time. */
export interface Clock {
  /** Monotonic milliseconds since an arbitrary start; never goes back. */
  now(): number;
  /** Wall clock, seconds since 1970. For dates that people see, never for intervals. */
  unixTime(): number;
  /** Calls `fn` once, no earlier than `deadline` (ms of `now()`), from outside any other callback. */
  wakeAt(deadline: number, fn: () => void): Wake;
}

export interface Wake {
  /** After this the callback does not run. */
  cancel(): void;
}
