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

/** A beat that has begun. All are of one class, and so of one shape: each millisecond looks into each of them. */
class Running {
  readonly done: () => void;
  readonly #rate: number;
  readonly #durationMs: number;
  readonly #emit: (text: string) => void;
  readonly #startMs: number;
  #sent = 0;

  constructor({ rate, durationMs, emit, done }: Beat, startMs: number) {
    this.done = done;
    this.#rate = rate;
    this.#durationMs = durationMs;
    this.#emit = emit;
    this.#startMs = startMs;
  }

  /** Gives what is due by now. @returns whether there is more to come */
  tick(now: number): boolean {
    const elapsed = Math.min(now - this.#startMs, this.#durationMs);
    const due = Math.floor((elapsed * this.#rate) / 1_000);
    for (; this.#sent < due; this.#sent++) this.#emit(token(nowUs()));
    return elapsed < this.#durationMs;
  }
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
    const running = new Running(beat, startMs);
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
    for (const running of this.#running) {
      if (running.tick(now)) continue;
      this.#remove(running);
      running.done();
    }
  }
}
