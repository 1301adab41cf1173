import type { ChatTurn } from '../contracts/prompt.ts';
import { countTokens } from './count-tokens.ts';
import type { Model } from './model-directory.ts';

/**
 * Of the models that may answer, those whose window holds the prompt. It was made for the first one; a fallback with a
 * smaller window would only refuse it, or answer half of it.
 */
export async function fittingModels([asked, ...fallbacks]: Model[], turns: ChatTurn[]): Promise<Model[]> {
  if (!asked) return [];
  const windows = fallbacks.map(({ contextLength }) => contextLength ?? Number.POSITIVE_INFINITY);
  // A token has one byte or more: most prompts fit everywhere without being counted.
  const bytes = turns.reduce((sum, { content }) => sum + Buffer.byteLength(content), 0);
  if (bytes <= Math.min(...windows)) return [asked, ...fallbacks];
  let tokens = 0;
  for (const { content } of turns) tokens += await countTokens(content);
  return [asked, ...fallbacks.filter((_, index) => tokens <= (windows[index] ?? 0))];
}
