import { randomUUID } from 'node:crypto';

let lastMs = 0;
let sequence = 0;

/**
 * A UUIDv7 (RFC 9562, section 6.2, method 1): 48 bits of milliseconds, a 12-bit counter, 62 random bits.
 * Ids made by one process sort in the order they were made, even within a millisecond.
 */
export function newId(): string {
  const ms = Date.now();
  if (ms > lastMs) {
    lastMs = ms;
    sequence = 0;
  } else if (++sequence > 0xfff) {
    lastMs += 1;
    sequence = 0;
  }
  return format(lastMs, sequence);
}

/** As {@link newId}, for one that has to sort behind another, which may be of a process whose clock is ahead. */
export function newIdAfter(id: string): string {
  const fresh = newId();
  if (fresh > id) return fresh;
  const ms = Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
  const counter = Number.parseInt(id.slice(15, 18), 16);
  return counter < 0xfff ? format(ms, counter + 1) : format(ms + 1, 0);
}

function format(ms: number, count: number): string {
  const time = ms.toString(16).padStart(12, '0');
  const counter = count.toString(16).padStart(3, '0');
  // The last two groups of a version 4 are what is needed: the variant and 62 bits, from a pool.
  return `${time.slice(0, 8)}-${time.slice(8)}-7${counter}-${randomUUID().slice(19)}`;
}
