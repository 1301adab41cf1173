import { tally } from '../base/tally.ts';
import { GrowingText } from './growing-text.ts';
import type { Pace } from './pace.ts';
import type { Channel, Delta, LiveText, Written } from './ports.ts';

/** How a text is written. */
export interface DeltaWriterOptions {
  pace: Pick<Pace, 'pauseAfter'>;
  /** Told of each delta that the broker did not take; the text is kept and restored. */
  onError: (error: unknown) => void;
}

/**
 * Writes the text of one attempt, and its reasoning, merged by acknowledgement: at most one delta is on its way, and
 * what comes meanwhile, or in the pause after it, goes out with the next. Idle, nothing waits; under load, deltas merge by
 * themselves. What is of two channels does not merge, and goes out in the order in which it came.
 */
export class DeltaWriter {
  readonly #live: LiveText;
  readonly #options: DeltaWriterOptions;
  readonly #text = new GrowingText();
  /** Of most models there is none. */
  #reasoning: GrowingText | undefined;
  #channel: Channel;
  /** What of the other channel waits before what waits of {@link #channel}, and so on. */
  #earlier: { channel: Channel; end: number }[] = [];
  #inFlight: Promise<void> | undefined;
  /** What comes before this waits, on the clock of `performance`. */
  #pausedUntilMs = 0;
  /** Ends the pause between two deltas, where something waits for it. */
  #goOn: (() => void) | undefined;
  #finishing = false;
  #abandoned = false;

  constructor(live: LiveText, options: DeltaWriterOptions) {
    this.#live = live;
    this.#options = options;
  }

  /** Adds to the text, or to the reasoning. Never waits. */
  push(text: string, channel?: Channel): void {
    if (text === '' || this.#abandoned) return;
    if (channel !== this.#channel) this.#turnTo(channel);
    this.#part(channel).add(text);
    this.#inFlight ??= this.#drain();
  }

  /** Waits until everything is on the other side; answers all of it. */
  async finish(): Promise<Written> {
    this.#finishing = true;
    this.#goOn?.();
    await this.#inFlight;
    return { text: this.#text.read(), reasoning: this.#reasoning?.read() ?? null };
  }

  /** Publishes nothing more: the claim was lost. */
  abandon(): void {
    this.#abandoned = true;
    this.#earlier = [];
    this.#goOn?.();
  }

  #turnTo(channel: Channel): void {
    const part = this.#part(this.#channel);
    if (part.hasMore) this.#earlier.push({ channel: this.#channel, end: part.end });
    this.#channel = channel;
  }

  async #drain(): Promise<void> {
    const { pace, onError } = this.#options;
    while (this.#hasMore) {
      const nowMs = performance.now();
      if (nowMs < this.#pausedUntilMs && !this.#finishing) {
        await this.#pause(this.#pausedUntilMs - nowMs);
        continue;
      }
      try {
        await this.#live.append(this.#next());
        tally.deltasPublished += 1;
      } catch (error) {
        tally.deltasFailed += 1;
        onError(error);
      }
      const answeredMs = performance.now();
      this.#pausedUntilMs = answeredMs + pace.pauseAfter(answeredMs - nowMs);
    }
    this.#inFlight = undefined;
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, Math.ceil(ms));
      timer.unref();
      this.#goOn = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  get #hasMore(): boolean {
    return !this.#abandoned && (this.#earlier.length > 0 || this.#part(this.#channel).hasMore);
  }

  #next(): Delta {
    const { channel, end } = this.#earlier.shift() ?? { channel: this.#channel, end: undefined };
    const part = this.#part(channel);
    return { channel, offset: part.taken, text: part.take(end), whole: this.#whole };
  }

  #part(channel: Channel): GrowingText {
    if (channel === undefined) return this.#text;
    this.#reasoning ??= new GrowingText();
    return this.#reasoning;
  }

  /** What was handed over so far: while a delta is on its way, that is the one before which nothing is missing. */
  readonly #whole = (channel?: Channel): string => {
    const part = channel ? this.#reasoning : this.#text;
    return part?.readTaken() ?? '';
  };
}
