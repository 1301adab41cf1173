import { delay } from './clock.ts';

/** How long, and how often, something is tried that is away. */
export interface Patience {
  /** The pause before the second try, in milliseconds; each is twice the one before. */
  firstMs: number;
  /** The longest pause, in milliseconds. */
  mostMs: number;
  /** No pause begins after so many milliseconds. */
  forMs: number;
}

/**
 * Counts tries from 0, with the pauses between them. Whoever succeeds leaves the loop; it ends when the patience does.
 *
 * @param signal ends the patience: it cuts the pause short, and there is one try more
 */
export async function* tries(
  { firstMs, mostMs, forMs }: Patience,
  signal?: AbortSignal,
): AsyncGenerator<number> {
  const until = performance.now() + forMs;
  let pauseMs = firstMs;
  for (let count = 0; ; count += 1) {
    yield count;
    if (signal?.aborted || performance.now() > until) return;
    await delay(pauseMs, signal);
    pauseMs = Math.min(pauseMs * 2, mostMs);
  }
}
