/** A node that is complete has every file, whole and right. What has rotted on its disk since it cannot know. */
import type { LabLife } from '../lab-life.js';
import type { Invariant } from './invariant.js';

export class CompleteFiles implements Invariant {
  readonly name: string = 'complete means right';

  onComplete({ truth }: LabLife): string | null {
    const path = truth.firstWrongFile();
    return path === null ? null : `${path} is not what it should be`;
  }
}
