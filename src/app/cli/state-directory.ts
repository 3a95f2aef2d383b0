/**
 * Where resume data is kept when nobody says: the place that each system has for such things. Called by
 * TransferSession.
 */
import { homedir } from 'node:os';
import { posix, win32 } from 'node:path';

export interface StateSurroundings {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly platform: NodeJS.Platform;
  /** Absolute; '' when there is none. */
  readonly homeDirectory: string;
}

/** @returns `given`, or the platform's place; '' = nowhere. */
export function stateDirectory(given: string | undefined, surroundings: StateSurroundings): string {
  const { environment } = surroundings;
  // Elsewhere an empty variable is one that is not set; here it is the way to keep nothing.
  return given ?? (environment['DTORRENT_STATE_DIR'] === '' ? '' : platformDirectory(surroundings));
}

export function thisMachine(environment: StateSurroundings['environment']): StateSurroundings {
  return { environment, platform: process.platform, homeDirectory: homeDirectory() };
}

function homeDirectory(): string {
  try {
    return homedir();
  } catch {
    // A user without an entry among the system's users, as in some containers.
    return '';
  }
}

function platformDirectory({ environment, platform, homeDirectory }: StateSurroundings): string {
  if (platform === 'win32') {
    const local = environment['LOCALAPPDATA'] ?? '';
    return win32.isAbsolute(local) ? win32.join(local, 'dtorrent') : below(win32, homeDirectory, 'AppData', 'Local');
  }
  if (platform === 'darwin') return below(posix, homeDirectory, 'Library', 'Application Support');
  // The XDG specification has relative paths ignored.
  const state = environment['XDG_STATE_HOME'] ?? '';
  return posix.isAbsolute(state) ? posix.join(state, 'dtorrent') : below(posix, homeDirectory, '.local', 'state');
}

function below(path: typeof posix, homeDirectory: string, ...elements: readonly string[]): string {
  return homeDirectory === '' ? '' : path.join(homeDirectory, ...elements, 'dtorrent');
}
