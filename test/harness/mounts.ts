/**
 * Disks of a given size, disks that can be taken away, and files that may not be written to. Mounting needs root: where
 * it is not allowed, the test counts as skipped, with the reason. Everything is undone with the test.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, statSync } from 'node:fs';
import type { TestContext } from 'node:test';
import { afterTest } from './cleanup.js';

/** Mounts a disk in memory at `path`, which is made. @returns false where that is not allowed. */
export function mountMemoryDisk(t: TestContext, path: string, options: string): boolean {
  mkdirSync(path, { recursive: true });
  return mount(t, ['-t', 'tmpfs', '-o', options, 'tmpfs', path], path);
}

/** Makes what is in `from` appear at `path` too, until it is unmounted. @returns false where that is not allowed. */
export function mountAgain(t: TestContext, from: string, path: string): boolean {
  mkdirSync(from, { recursive: true });
  mkdirSync(path, { recursive: true });
  return mount(t, ['--bind', from, path], path);
}

/** Also while something is in use there, as when a disk is pulled out. */
export function unmount(path: string): void {
  spawnSync('umount', ['-l', path]);
}

/** @throws where a mount cannot be changed any more. */
export function remount(path: string, options: string): void {
  const { status, stderr } = spawnSync('mount', ['-o', `remount,${options}`, path]);
  if (status !== 0) throw new Error(`cannot remount ${path}: ${stderr}`);
}

/**
 * Lets nobody write to a file or directory. Modes do not bind root, a mount does.
 * @returns what lets everybody write again; null where that is not allowed.
 */
export function forbidWriting(t: TestContext, path: string): (() => void) | null {
  if (process.getuid?.() !== 0) {
    const { mode } = statSync(path);
    const allow = (): void => chmodSync(path, mode);
    chmodSync(path, mode & 0o555);
    afterTest(t, allow);
    return allow;
  }
  if (!mount(t, ['--bind', path, path], path)) return null;
  remount(path, 'bind,ro');
  return () => unmount(path);
}

function mount(t: TestContext, args: readonly string[], path: string): boolean {
  if (spawnSync('mount', args).status !== 0) {
    t.skip('mounting needs root');
    return false;
  }
  afterTest(t, () => unmount(path));
  return true;
}
