import type { Channel } from '../feed/ports.ts';
import type { HoldPortions } from './hold-portions.ts';

/** Why nothing more is to be written: the credits are used up; another worker has the claim. */
export type MeterEnd = 'credit_limit' | 'lost';

/** Stands between what a model writes and what is published of it, and has the hold grow with the text. */
export interface CreditMeter {
  /** Must come before the first `write`. The prompt is not to be sent when `over` is set then. */
  begin(): Promise<void>;
  /**
   * Takes what the model writes. A promise: nothing more is to be read until it resolves. Calls do not overlap; nothing is
   * taken once `over` is set.
   */
  write(text: string, channel?: Channel): Promise<void> | undefined;
  /** The same of what is no text, as the arguments of calls: it is not published, and is covered like all else. */
  writeCall(text: string): Promise<void> | undefined;
  /** What `writeCall` took and was covered. */
  readonly called: string;
  /** What was written is void: somebody else writes the reply, from its beginning. Nothing was published of it. */
  restart(): void;
  readonly over: MeterEnd | undefined;
}

/** Where the text goes. */
export interface TextSink {
  /** Takes text, or reasoning. Never waits. */
  push(text: string, channel?: Channel): void;
}

/** What a meter works with. */
export interface MeterDeps {
  portions: HoldPortions;
  /** Takes what is covered. */
  sink: TextSink;
  /** Texts of the prompt, as it is sent. */
  prompt: readonly string[];
  /** Most tokens of output, where that is limited. */
  maxTokens: number | undefined;
  /** Ends every wait. */
  signal: AbortSignal;
}
