/**
 * Sizes, rates, durations and shares as people read them. Binary units throughout (1 KiB = 1024 bytes), three
 * significant digits, so that a column of them keeps its width. Pure; every view uses these and nothing else.
 */
const UNITS: readonly string[] = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** @returns `0 B`, `999 B`, `1.46 MiB`, `12.3 GiB`, `512 KiB`: never more than three digits and a point (1023 excepted). */
export function formatSize(bytes: number): string {
  let value = Math.max(0, bytes);
  let unit = 0;
  // 1023.5 would round to 1024 in its own unit.
  while (Math.round(value) >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? Math.round(value) : threeDigits(value)} ${UNITS[unit]}`;
}

/** @returns a size a second. */
export function formatRate(bytesPerSecond: number): string {
  return `${formatSize(bytesPerSecond)}/s`;
}

/** @returns `0s`, `42s`, `3m 05s`, `2h 14m`, `5d 03h`, or `over 99d`: the two largest units. */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole}s`;
  if (whole < 3600) return `${Math.floor(whole / 60)}m ${twoDigits(whole % 60)}s`;
  if (whole < 86_400) return `${Math.floor(whole / 3600)}h ${twoDigits(Math.floor((whole % 3600) / 60))}m`;
  const days = Math.floor(whole / 86_400);
  return days > 99 ? 'over 99d' : `${days}d ${twoDigits(Math.floor((whole % 86_400) / 3600))}h`;
}

/**
 * Rounded down: 100.0% appears only when everything is there.
 * @param share 0 to 1
 */
export function formatPercent(share: number): string {
  return `${(Math.floor(clampShare(share) * 1000) / 10).toFixed(1)}%`;
}

/** @returns how much of `total` is done, 0 to 1; 0 while the total is unknown. */
export function shareOf(done: number, total: number): number {
  return total > 0 ? clampShare(done / total) : 0;
}

/** @returns `1 peer`, `2 peers`. */
export function formatCount(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** @returns a UTC time to the minute, `2024-04-25 13:07 UTC`; times that no calendar has come back as seconds. */
export function formatUnixTime(unixSeconds: number): string {
  const date = new Date(unixSeconds * 1000);
  if (Number.isNaN(date.getTime())) return `${unixSeconds} s since 1970`;
  return `${date.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

function threeDigits(value: number): string {
  // The bounds are where rounding reaches the next digit: 9.996 is 10.0, not 10.00.
  if (value < 9.995) return value.toFixed(2);
  if (value < 99.95) return value.toFixed(1);
  return value.toFixed(0);
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0');
}

function clampShare(share: number): number {
  return Math.min(1, Math.max(0, share));
}
