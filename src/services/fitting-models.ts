import type { PromptInput } from '../contracts/prompt.ts';
import { countPrompt, mostTokens } from './count-prompt.ts';
import type { Model } from './model-directory.ts';

/**
 * Of the models that may answer, those whose window holds the prompt. It was made for the first one; a fallback with a
 * smaller window would only refuse it, or answer half of it.
 */
export async function fittingModels([asked, ...fallbacks]: Model[], prompt: PromptInput): Promise<Model[]> {
  if (!asked) return [];
  const windows = fallbacks.map(({ contextLength }) => contextLength ?? Number.POSITIVE_INFINITY);
  // Most prompts fit everywhere without being counted.
  if (mostTokens(prompt) <= Math.min(...windows)) return [asked, ...fallbacks];
  const tokens = await countPrompt(prompt);
  return [asked, ...fallbacks.filter((_, index) => tokens <= (windows[index] ?? 0))];
}
