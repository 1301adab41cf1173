/** Random numbers that can be had again: the seed belongs into the name of the test, or the message of its failure. */
export interface Random {
  readonly seed: number;
  /** A whole number from `min` to `max`. */
  between(min: number, max: number): number;
}

/** Numbers of that seed (`TEST_SEED`, or a new one). */
export function random(seed = Number(process.env.TEST_SEED) || Math.floor(Math.random() * 2 ** 31)): Random {
  let state = seed >>> 0;
  // mulberry32
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return { seed, between: (min, max) => min + Math.floor(next() * (max - min + 1)) };
}
