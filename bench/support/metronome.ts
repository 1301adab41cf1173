import { nowUs, token } from './token.ts';

/** Something that gets tokens at a steady rate. */
export interface Beat {
  rate: number;
  durationMs: number;
  /** Gives one token, and the rest from {@link Metronome.go} on. */
  waits?: boolean;
  emit: (text: string) => void;
  done: () => void;
}

interface Running extends Beat {
  startMs: number;
  sent: number;
}

/**
 * The one source of tokens in every benchmark, the bare baseline included: a tick each millisecond, and every token
 * that is due by then on its own. What is late goes out late, and says so by its time.
 */
export class Metronome {
  readonly #running = new Set<Running>();
  readonly #waiting = new Set<Beat>();
  #timer: NodeJS.Timeout | undefined;

  /** Begins one; answers how it is ended. */
  add(beat: Beat): () => void {
    if (!beat.waits) return this.#begin(beat);
    beat.emit(token(nowUs()));
    this.#waiting.add(beat);
    return () => this.#waiting.delete(beat);
  }

  /** Goes on with everything that waits. */
  go(): void {
    for (const beat of this.#waiting) this.#begin(beat);
    this.#waiting.clear();
  }

  #begin(beat: Beat): () => void {
    // Not all in the same millisecond.
    const startMs = performance.now() + Math.random() * (1_000 / beat.rate);
    const running = { ...beat, startMs, sent: 0 };
    this.#running.add(running);
    this.#timer ??= setInterval(() => this.#tick(), 1);
    return () => this.#remove(running);
  }

  #remove(running: Running): void {
    this.#running.delete(running);
    if (this.#running.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #tick(): void {
    const now = performance.now();
    for (const beat of this.#running) {
      const elapsed = Math.min(now - beat.startMs, beat.durationMs);
      const due = Math.floor((elapsed * beat.rate) / 1_000);
      for (; beat.sent < due; beat.sent++) beat.emit(token(nowUs()));
      if (elapsed < beat.durationMs) continue;
      this.#remove(beat);
      beat.done();
    }
  }
}
