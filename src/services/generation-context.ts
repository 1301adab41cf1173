import type { PromptInput } from '../contracts/prompt.ts';
import type { Database } from '../data/database.ts';
import type { ClaimedGeneration } from '../data/repositories/generations.ts';
import { type ContextPage, listContext } from '../data/repositories/messages.ts';
import { buildContext } from './build-context.ts';
import { type ContextWindow, contextBudget } from './context-budget.ts';
import { TokenCounts } from './token-counts.ts';

/** What a generation is to answer, and what was said before. */
export interface GenerationContext {
  /** The messages; needs no claim, and so need not wait for one. */
  read(generationId: string): Promise<ContextPage>;
  /**
   * What a model with this window is told of them; no turn when the message to be answered is gone. A prompt that came
   * with the request stays as it is.
   */
  prompt(claim: ClaimedGeneration, page: ContextPage, window: ContextWindow): Promise<PromptInput>;
}

/** Most messages that are looked at: the one to be answered, and its history. */
const MAX_MESSAGES = 400;

/** Makes it, for one worker. */
export function createGenerationContext({ database }: { database: Database }): GenerationContext {
  const counts = new TokenCounts();
  return {
    read: (generationId) => listContext(database.db, generationId, MAX_MESSAGES),
    async prompt({ parentId, settings, model, lane, input }, { messages, truncated }, window) {
      if (input) return input;
      const [question, ...history] = messages;
      if (!question || question.id !== parentId) return { turns: [] };
      const budgetTokens = contextBudget(window, settings);
      const asked = { settings, model, lane, question, history, truncated, budgetTokens };
      return { turns: await buildContext(asked, counts) };
    },
  };
}
