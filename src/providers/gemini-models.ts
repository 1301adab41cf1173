import { asLimit, asStrings, asText, type Entry, listed } from './list-models.ts';
import type { ListedModel } from './provider.ts';

/**
 * A model of Gemini's list (https://ai.google.dev/api/models). Left out are those that do not generate content, and
 * those whose content is no text. The window is that of the input: the output has its own.
 */
export function toGeminiModel(entry: Entry): ListedModel | undefined {
  const name = asText(entry.name)?.replace(/^models\//, '');
  const methods = asStrings(entry.supportedGenerationMethods);
  if (!name || !methods.includes('generateContent') || NO_TEXT.test(name)) return undefined;
  return listed({
    name,
    title: asText(entry.displayName),
    contextLength: asLimit(entry.inputTokenLimit),
    maxOutputTokens: asLimit(entry.outputTokenLimit),
  });
}

/** Models that speak, draw or press buttons. */
const NO_TEXT = /-(tts|image|audio|live|computer-use)(-|$)|^(imagen|veo|lyria)-|nano-banana/;
