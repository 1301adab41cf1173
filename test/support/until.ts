import { setTimeout as sleep } from 'node:timers/promises';

const LONGEST_MS = 5_000;

/**
 * Asks again and again until the answer is true, for what tells nobody when it happens.
 *
 * @throws when it is not true within `ms`, naming `what`
 */
export async function until(
  what: string,
  isTrue: () => boolean | Promise<boolean>,
  ms = LONGEST_MS,
): Promise<void> {
  // Not of the clock that tests set.
  const end = performance.now() + ms;
  while (!(await isTrue())) {
    if (performance.now() > end) throw new Error(`Not within ${ms} ms: ${what}`);
    await sleep(5);
  }
}

/** Lets every promise that is settled be noticed, and what follows from it, `rounds` deep. */
export async function microtasks(rounds = 30): Promise<void> {
  for (let round = 0; round < rounds; round += 1) await Promise.resolve();
}
