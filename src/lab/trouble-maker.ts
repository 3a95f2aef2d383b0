/** Carries out what a scenario has planned to go wrong, and what ends it. Used by LabSwarm. */
import type { Simulator } from '../sim/simulator.js';
import type { SimHttpTracker } from '../sim/trackers/sim-http-tracker.js';
import type { SimUdpTracker } from '../sim/trackers/sim-udp-tracker.js';
import type { LabMember } from './lab-member.js';
import type { Trouble } from './trouble.js';

/** One that does nothing crashes all the same. */
const CRASH_MS_MAX = 5000;

export interface TroubledWorld {
  readonly simulator: Simulator;
  readonly members: readonly LabMember[];
  readonly trackers: readonly (SimHttpTracker | SimUdpTracker)[];
}

export class TroubleMaker {
  readonly #world: TroubledWorld;
  readonly #simulator: Simulator;
  /** Partitions that have not healed. */
  readonly #sides = new Set<number>();

  constructor(world: TroubledWorld) {
    this.#world = world;
    this.#simulator = world.simulator;
  }

  /** Puts everything on the world's calendar. */
  schedule(trouble: readonly Trouble[]): void {
    for (const one of trouble) {
      const member = this.#world.members[one.member]!;
      this.#simulator.at(one.atMs, () => {
        if (!this.#makeAround(one) && member.state === 'up') this.#make(one, member);
      });
    }
  }

  /** What happens whether or not the member is up. @returns whether it is of that kind. */
  #makeAround(trouble: Trouble): boolean {
    switch (trouble.what) {
      case 'partition':
        this.#part(trouble);
        return true;
      case 'tracker': {
        const tracker = this.#world.trackers[trouble.tracker]!;
        tracker.trouble = trouble.trouble;
        // Another trouble may have come in between: then that one is the one that ends.
        this.#simulator.after(trouble.forMs, () => {
          if (tracker.trouble === trouble.trouble) tracker.trouble = null;
        });
        return true;
      }
      default:
        return false;
    }
  }

  #make(trouble: Trouble, member: LabMember): void {
    const { session, host } = member.node!;
    const untilMs = this.#simulator.now + trouble.forMs;
    switch (trouble.what) {
      case 'pause':
        member.pause(untilMs);
        break;
      case 'select':
        member.select(trouble.choice, untilMs);
        break;
      case 'recheck':
        session.recheck(member.torrent!);
        break;
      case 'limits':
        session.setRateLimits(trouble.limits);
        this.#later(trouble, member, () => session.setRateLimits({ downloadLimit: 0, uploadLimit: 0 }));
        break;
      case 'leave':
        member.leave(() => this.#simulator.at(untilMs, () => member.start()));
        break;
      case 'crash':
        this.#crash(member, trouble);
        break;
      case 'clock':
        host.clock.stepSeconds += trouble.seconds;
        break;
      case 'reset':
        host.network.resetStreams(trouble.share);
        break;
      default:
        this.#spoilDisk(trouble, member);
    }
  }

  #spoilDisk(trouble: Trouble, { node }: LabMember): void {
    const { disk, random } = node!.host;
    if (trouble.what === 'full') {
      disk.capacityBytes = Number.MAX_SAFE_INTEGER;
      disk.capacityBytes = Number.MAX_SAFE_INTEGER - disk.freeBytes + trouble.roomBytes;
      this.#simulator.after(trouble.forMs, () => {
        disk.capacityBytes = Number.POSITIVE_INFINITY;
      });
    } else if (trouble.what === 'disk-errors') {
      disk.trouble.errorRatio = trouble.ratio;
      this.#simulator.after(trouble.forMs, () => {
        disk.trouble.errorRatio = 0;
      });
    } else if (trouble.what === 'rot') {
      for (let i = 0; i < trouble.bytes; i++) disk.rot(random);
    }
  }

  #crash(member: LabMember, { actions, how, forMs }: Extract<Trouble, { what: 'crash' }>): void {
    const { machine } = member.node!.host;
    machine.onCrash(() => {
      // It may have left by itself meanwhile, and another life begun.
      if (member.node!.host.machine !== machine || member.state === 'absent') return;
      member.onCrash();
      this.#simulator.after(forMs, () => member.start());
    });
    machine.crashAfter(actions, how);
    this.#simulator.after(Math.min(CRASH_MS_MAX, forMs), () => machine.crash(how));
  }

  #part({ side, forMs }: Extract<Trouble, { what: 'partition' }>): void {
    this.#sides.add(side);
    this.#updateCut();
    this.#simulator.after(forMs, () => {
      this.#sides.delete(side);
      this.#updateCut();
    });
  }

  #updateCut(): void {
    const indices = new Map(this.#world.members.map(({ spec, index }) => [spec.ipv4, index % 31]));
    const isCut = (from: string, to: string): boolean => {
      const a = indices.get(from) ?? 0;
      const b = indices.get(to) ?? 0;
      for (const side of this.#sides) if (((side >>> a) & 1) !== ((side >>> b) & 1)) return true;
      return false;
    };
    this.#simulator.internet.cut(this.#sides.size === 0 ? null : isCut);
  }

  /** In the same life only: another one begins without it. */
  #later({ forMs }: Trouble, member: LabMember, heal: () => void): void {
    const { lives } = member;
    this.#simulator.after(forMs, () => {
      if (member.state === 'up' && member.lives === lives) heal();
    });
  }
}
