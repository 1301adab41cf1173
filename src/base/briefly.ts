import { now } from './clock.ts';

/** Makes a read whose answer is kept for a while, so that whoever asks often costs no more. A failure is not kept. */
export function briefly<T>(keepMs: number, read: () => Promise<T>): () => Promise<T> {
  let kept: { answer: Promise<T>; until: number } | undefined;
  return () => {
    if (kept && kept.until > now()) return kept.answer;
    const fresh = { answer: read(), until: now() + keepMs };
    kept = fresh;
    fresh.answer.catch(() => {
      if (kept === fresh) kept = undefined;
    });
    return fresh.answer;
  };
}
