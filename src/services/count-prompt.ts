import type { ChatTurn, PromptInput } from '../contracts/prompt.ts';
import { countTokens } from './count-tokens.ts';

/**
 * What an image counts as, in tokens: about what the providers charge for one of a megapixel. Their exact counts are of
 * its width and height, which are not known of one that is behind a URL.
 */
const IMAGE_TOKENS = 1_000;

/** Every text of a prompt that a model reads: what is said, what was called, what may be called. */
export function textsOf({ turns, options }: PromptInput): string[] {
  const texts = turns.flatMap(({ content, toolCalls }) =>
    toolCalls ? [content, JSON.stringify(toolCalls)] : [content],
  );
  if (options?.tools) texts.push(JSON.stringify(options.tools));
  if (options?.responseFormat) texts.push(JSON.stringify(options.responseFormat));
  return texts;
}

/** Tokens that the images of a prompt count as. */
function imageTokens(turns: readonly ChatTurn[]): number {
  const images = turns.flatMap(({ parts = [] }) => parts.filter(({ type }) => type === 'image'));
  return images.length * IMAGE_TOKENS;
}

/** At most so many tokens a prompt has, without counting any: a token has one byte or more. */
export function mostTokens(prompt: PromptInput): number {
  return textsOf(prompt).reduce((sum, text) => sum + Buffer.byteLength(text), imageTokens(prompt.turns));
}

/** About how many tokens a prompt has, see {@link countTokens}. */
export async function countPrompt(prompt: PromptInput): Promise<number> {
  let tokens = imageTokens(prompt.turns);
  for (const text of textsOf(prompt)) tokens += await countTokens(text);
  return tokens;
}
