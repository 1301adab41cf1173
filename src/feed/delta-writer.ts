import { tally } from '../base/tally.ts';
import { GrowingText } from './growing-text.ts';
import type { Channel, Delta, LiveText, Written } from './ports.ts';

/**
 * Writes the text of one attempt, and its reasoning, merged by acknowledgement: at most one delta is on its way, and
 * what comes meanwhile goes out with the next. Idle, nothing waits; under load, deltas merge by themselves. What is
 * of two channels does not merge, and goes out in the order in which it came.
 */
export class DeltaWriter {
  readonly #live: LiveText;
  readonly #onError: (error: unknown) => void;
  readonly #text = new GrowingText();
  /** Of most models there is none. */
  #reasoning: GrowingText | undefined;
  #channel: Channel;
  /** What of the other channel waits before what waits of {@link #channel}, and so on. */
  #earlier: { channel: Channel; end: number }[] = [];
  #inFlight: Promise<void> | undefined;
  #abandoned = false;

  /** `onError` is told of each delta that the broker did not take; the text is kept and restored. */
  constructor(live: LiveText, onError: (error: unknown) => void) {
    this.#live = live;
    this.#onError = onError;
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
    await this.#inFlight;
    return { text: this.#text.read(), reasoning: this.#reasoning?.read() ?? null };
  }

  /** Publishes nothing more: the claim was lost. */
  abandon(): void {
    this.#abandoned = true;
    this.#earlier = [];
  }

  #turnTo(channel: Channel): void {
    this.#earlier.push({ channel: this.#channel, end: this.#part(this.#channel).end });
    this.#channel = channel;
  }

  async #drain(): Promise<void> {
    for (let delta = this.#next(); delta; delta = this.#next()) {
      try {
        await this.#live.append(delta);
        tally.deltasPublished += 1;
      } catch (error) {
        tally.deltasFailed += 1;
        this.#onError(error);
      }
    }
    this.#inFlight = undefined;
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
