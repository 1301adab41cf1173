import { delay } from '../base/clock.ts';

/** Sets that many more tokens aside; answers how many were. Undefined: the claim was lost. */
export type GrowHoldBy = (tokens: number) => Promise<number | undefined>;

/** How it went: more was set aside; nothing is left; the claim was lost; nobody could be asked. */
export type Asked = 'more' | 'nothing' | 'lost' | 'failed';

/** What the portions of a hold are made of. */
export interface HoldPortionsDeps {
  /** Tokens that are set aside already. */
  heldTokens: number;
  grow: GrowHoldBy;
  signal: AbortSignal;
  onError: (error: unknown) => void;
}

/** Tokens of the first portion that is asked for; each is twice the one before. */
const FIRST_TOKENS = 100;
/** Most tokens of a portion: more would keep credits from the other replies of the user. */
const MOST_TOKENS = 2_000;
/** From a failure to the next try, in milliseconds. */
const PAUSE_MS = 1_000;

/**
 * A hold that grows while a reply is written, in portions that grow, too, so that a long reply takes few statements. One
 * is asked for at a time.
 */
export class HoldPortions {
  /** Tokens that are set aside, prompt included. */
  heldTokens: number;
  /** Most tokens that can be used, prompt included, where that is limited: nothing is asked ahead beyond it. */
  mostTokens = Number.POSITIVE_INFINITY;
  readonly #deps: HoldPortionsDeps;
  #size = FIRST_TOKENS;
  #asking: Promise<Asked> | undefined;
  /** Nothing is asked ahead: the last answer was less than what was asked for. */
  #dry = false;

  constructor(deps: HoldPortionsDeps) {
    this.#deps = deps;
    this.heldTokens = deps.heldTokens;
  }

  /** Whether it is time to ask for more: less than half of a portion is left. @param usedTokens prompt and output */
  isLow(usedTokens: number): boolean {
    if (this.#asking || this.#dry || this.heldTokens - usedTokens >= this.#size / 2) return false;
    return this.heldTokens < Math.max(usedTokens, this.mostTokens);
  }

  /** Asks for one more portion, and for what is used beyond the hold. Never rejects; joins what is being asked. */
  ask(usedTokens: number): Promise<Asked> {
    this.#asking ??= this.#ask(this.#portion() + Math.max(0, Math.ceil(usedTokens) - this.heldTokens));
    return this.#asking;
  }

  #portion(): number {
    const left = Math.ceil(this.mostTokens - this.heldTokens);
    return left > 0 ? Math.min(this.#size, left) : this.#size;
  }

  async #ask(wanted: number): Promise<Asked> {
    const asked = await this.#tryOnce(wanted);
    if (asked === 'lost') this.#dry = true;
    // Whoever asks ahead asks with the next delta again: not of a database that is away.
    if (asked === 'failed') await delay(PAUSE_MS, this.#deps.signal);
    this.#asking = undefined;
    return asked;
  }

  async #tryOnce(wanted: number): Promise<Asked> {
    try {
      const granted = await this.#deps.grow(wanted);
      if (granted === undefined) return 'lost';
      this.heldTokens += granted;
      this.#dry = granted < wanted;
      this.#size = Math.min(2 * this.#size, MOST_TOKENS);
      return granted > 0 ? 'more' : 'nothing';
    } catch (error) {
      this.#deps.onError(error);
      return 'failed';
    }
  }
}
