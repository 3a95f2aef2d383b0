/** Carries out what a scenario has planned to go wrong, and what ends it. Used by LabSwarm. */
import type { Simulator } from '../sim/simulator.js';
import type { LabMember } from './lab-member.js';
import type { Trouble } from './trouble.js';

/** One that does nothing crashes all the same. */
const CRASH_MS_MAX = 5000;

export class TroubleMaker {
  readonly #simulator: Simulator;
  readonly #members: readonly LabMember[];

  constructor(simulator: Simulator, members: readonly LabMember[]) {
    this.#simulator = simulator;
    this.#members = members;
  }

  /** Puts everything on the world's calendar. */
  schedule(trouble: readonly Trouble[]): void {
    for (const one of trouble) this.#simulator.at(one.atMs, () => this.#make(one));
  }

  #make(trouble: Trouble): void {
    const member = this.#members[trouble.member]!;
    if (member.state !== 'up') return;
    const { session } = member.node!;
    const torrent = member.torrent!;
    switch (trouble.what) {
      case 'pause':
        session.pause(torrent, () => {});
        this.#simulator.after(trouble.forMs, () => resume(member));
        break;
      case 'recheck':
        session.recheck(torrent);
        break;
      case 'limits':
        session.setRateLimits(trouble.limits);
        this.#later(trouble, member, () => session.setRateLimits({ downloadLimit: 0, uploadLimit: 0 }));
        break;
      case 'leave': {
        const dueMs = this.#simulator.now + trouble.forMs;
        member.leave(() => this.#simulator.at(dueMs, () => member.start()));
        break;
      }
      case 'crash':
        this.#crash(member, trouble);
        break;
    }
  }

  #crash(member: LabMember, { actions, how, forMs }: Extract<Trouble, { what: 'crash' }>): void {
    const { machine } = member.node!.host;
    machine.onCrash(() => {
      member.onCrash();
      this.#simulator.after(forMs, () => member.start());
    });
    machine.crashAfter(actions, how);
    this.#simulator.after(Math.min(CRASH_MS_MAX, forMs), () => machine.crash(how));
  }

  /** In the same life only: another one begins without it. */
  #later({ forMs }: Trouble, member: LabMember, heal: () => void): void {
    const { lives } = member;
    this.#simulator.after(forMs, () => {
      if (member.state === 'up' && member.lives === lives) heal();
    });
  }
}

/** Also in a later life, which begins paused as the one before it ended. */
function resume(member: LabMember): void {
  if (member.state === 'up') member.node!.session.resume(member.torrent!);
  else member.isToResume = true;
}
