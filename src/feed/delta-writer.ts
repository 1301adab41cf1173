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
  /** Ends the pause between two deltas. */
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
    this.#earlier.push({ channel: this.#channel, end: this.#part(this.#channel).end });
    this.#channel = channel;
  }

  async #drain(): Promise<void> {
    const { pace, onError } = this.#options;
    for (let delta = this.#next(); delta; delta = this.#next()) {
      const sentMs = performance.now();
      try {
        await this.#live.append(delta);
        tally.deltasPublished += 1;
      } catch (error) {
        tally.deltasFailed += 1;
        onError(error);
      }
      const pauseMs = pace.pauseAfter(performance.now() - sentMs);
      if (pauseMs > 0 && !this.#finishing && !this.#abandoned) await this.#pause(pauseMs);
    }
    this.#inFlight = undefined;
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      timer.unref();
      this.#goOn = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #next(): Delta | undefined {
    if (this.#abandoned) return undefined;
    for (let earlier = this.#earlier.shift(); earlier; earlier = this.#earlier.shift()) {
      const delta = this.#take(earlier.channel, earlier.end);
      if (delta) return delta;
    }
    return this.#take(this.#channel);
  }

  #take(channel: Channel, end?: number): Delta | undefined {
    const part = this.#part(channel);
    const offset = part.taken;
    const text = part.take(end);
    return text === '' ? undefined : { channel, offset, text, whole: this.#whole };
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
