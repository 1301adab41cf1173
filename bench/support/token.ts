/** One benchmark token: when it was made, in microseconds of the monotonic clock (which all processes share). */
export const token = (us: number): string => `${us.toString(36)} `;

/** Microseconds of the monotonic clock. */
export function nowUs(): number {
  const [seconds, nanos] = process.hrtime();
  return seconds * 1e6 + Math.floor(nanos / 1e3);
}

/** What a benchmark generation is asked to write; travels as the prompt. */
export interface Load {
  /** Tokens a second. */
  rate: number;
  /** How long, in milliseconds. */
  durationMs: number;
  /** Characters that come first, in one piece. */
  prefixChars?: number;
  /** After its first token it waits until all of them are told to go on: what starting them costs is not measured. */
  waits?: boolean;
}
