import type { SessionSettings } from '../contracts/session.ts';

/** What of a model decides how much it can be told. */
export interface ContextWindow {
  /** Most tokens of prompt and reply together; null: not known. */
  contextLength: number | null;
  /** Most tokens of a reply; null: not known. */
  maxOutputTokens: number | null;
}

/** Of a model that tells nothing, in tokens: what current ones have at least. */
const UNKNOWN_WINDOW = 32_000;
/** Kept free for a reply that has no limit of its own, in tokens: what current models write at least. */
const RESERVE = 4_096;
/** For a model that can write more. */
const MOST_RESERVE = 16_384;
/** A reply never takes more of the window than this, unless it is told to. */
const MAX_RESERVE_SHARE = 0.25;
/** Our count is of one tokenizer; what others count differs by about this much. */
const SAFETY = 0.9;

/** How many tokens a prompt may have: the window less what is kept free for the reply, by our count. */
export function contextBudget(window: ContextWindow, { maxTokens }: SessionSettings): number {
  const { contextLength, maxOutputTokens } = window;
  const tokens = contextLength ?? UNKNOWN_WINDOW;
  const usual = Math.min(maxOutputTokens ?? RESERVE, MOST_RESERVE, tokens * MAX_RESERVE_SHARE);
  return Math.max(0, Math.floor((tokens - (maxTokens ?? usual)) * SAFETY));
}
