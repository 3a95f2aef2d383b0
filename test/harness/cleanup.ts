/**
 * What a test has to undo, last first: a client before the tracker that it says goodbye to, every process before the
 * folder that it writes to. node:test runs `t.after` hooks first first.
 */
import type { TestContext } from 'node:test';

type Undo = () => unknown;

const undosOf = new WeakMap<TestContext, Undo[]>();

/** Runs `undo` when the test has ended, before those that were given earlier. All run, whatever one throws. */
export function afterTest(t: TestContext, undo: Undo): void {
  let undos = undosOf.get(t);
  if (undos === undefined) {
    const all: Undo[] = [];
    undos = all;
    undosOf.set(t, all);
    t.after(() => runLastFirst(all));
  }
  undos.push(undo);
}

async function runLastFirst(undos: Undo[]): Promise<void> {
  const errors: unknown[] = [];
  // An undo may start a process, which is one more thing to undo.
  for (let undo = undos.pop(); undo !== undefined; undo = undos.pop()) {
    try {
      await undo();
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length > 0) throw new AggregateError(errors, `cleaning up: ${errors.map(String).join('; ')}`);
}
