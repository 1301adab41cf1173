import { asLimit, asText, type Entry, listed } from './list-models.ts';
import type { ListedModel } from './provider.ts';

/**
 * Reads models of `GET /models`, which tells little but names. Of OpenAI's own, those are left out that chat
 * completions do not serve; what another server has (Ollama, vLLM) was put there to be used.
 */
export function toOpenAiModel(isOpenAi: boolean): (entry: Entry) => ListedModel | undefined {
  return (entry) => {
    const name = asText(entry.id);
    if (!name || (isOpenAi && NO_CHAT.test(name))) return undefined;
    if (isOpenAi) return listed({ name });
    // vLLM tells the window. Whoever runs a server of their own pays nobody for its tokens.
    return listed({ name, contextLength: asLimit(entry.max_model_len), tier: 'free' });
  };
}

/**
 * Models that write something else than text, that only complete texts, or that only the responses API serves
 * (https://platform.openai.com/docs/models).
 */
const NO_CHAT = new RegExp(
  [
    'embedding|tts|whisper|transcribe|translate|audio|realtime|voice',
    'image|dall-e|sora|moderation|similarity|text-search|code-search',
    'instruct|babbage|davinci|curie|(^|:)ada(-|$)',
    'codex|computer-use|deep-research|search-api|-pro(-|$)',
  ].join('|'),
);
