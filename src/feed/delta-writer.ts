import { tally } from '../base/tally.ts';
import { GrowingText } from './growing-text.ts';
import type { Channel, Delta, LiveText, Written } from './ports.ts';

/** One channel: all that was pushed, and how much of it was handed to the live text, in UTF-16 code units. */
interface Part {
  readonly text: GrowingText;
  sent: number;
}

/**
 * Writes the text of one attempt, and its reasoning, merged by acknowledgement: at most one delta is on its way, and
 * what comes meanwhile goes out with the next. Idle, nothing waits; under load, deltas merge by themselves. What is
 * of two channels does not merge, and goes out in the order in which it came.
 */
export class DeltaWriter {
  readonly #live: LiveText;
  readonly #onError: (error: unknown) => void;
  readonly #text: Part = { text: new GrowingText(), sent: 0 };
  /** Of most models there is none. */
  #reasoning: Part | undefined;
  #pending = '';
  #pendingChannel: Channel;
  /** What was pending when the channel changed. */
  #earlier: { channel: Channel; text: string }[] = [];
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
    if (channel !== this.#pendingChannel) this.#turnTo(channel);
    this.#part(channel).text.add(text);
    this.#pending += text;
    this.#inFlight ??= this.#drain();
  }

  /** Waits until everything is on the other side; answers all of it. */
  async finish(): Promise<Written> {
    await this.#inFlight;
    return { text: this.#text.text.read(), reasoning: this.#reasoning?.text.read() ?? null };
  }

  /** Publishes nothing more: the claim was lost. */
  abandon(): void {
    this.#abandoned = true;
    this.#pending = '';
    this.#earlier = [];
  }

  #turnTo(channel: Channel): void {
    if (this.#pending !== '') this.#earlier.push({ channel: this.#pendingChannel, text: this.#pending });
    this.#pending = '';
    this.#pendingChannel = channel;
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
    const earlier = this.#earlier.shift();
    const channel = earlier ? earlier.channel : this.#pendingChannel;
    const text = earlier ? earlier.text : this.#pending;
    if (!earlier) this.#pending = '';
    if (text === '') return undefined;
    const part = this.#part(channel);
    const offset = part.sent;
    part.sent += text.length;
    return { channel, offset, text, whole: this.#whole };
  }

  #part(channel: Channel): Part {
    if (channel === undefined) return this.#text;
    this.#reasoning ??= { text: new GrowingText(), sent: 0 };
    return this.#reasoning;
  }

  /** What was handed over so far: while a delta is on its way, that is the one before which nothing is missing. */
  readonly #whole = (channel?: Channel): string => {
    const part = channel ? this.#reasoning : this.#text;
    return part?.text.read().slice(0, part.sent) ?? '';
  };
}
