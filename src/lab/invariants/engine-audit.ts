/** The parts of an engine agree with each other: what the engine's own audit says between two turns. */
import { auditSession } from '../../engine/audit/audit-session.js';
import type { LabLife } from '../lab-life.js';
import type { Invariant } from './invariant.js';

export class EngineAudit implements Invariant {
  readonly name: string = 'the engine agrees with itself';

  onLook({ node }: LabLife): string | null {
    return auditSession(node.session);
  }

  onStopped({ node }: LabLife): string | null {
    return auditSession(node.session);
  }
}
