import { toHuggingFaceModel } from './huggingface-models.ts';
import { createOpenAiProvider } from './openai.ts';
import type { Provider } from './provider.ts';

/** What {@link createHuggingFaceProvider} needs. */
export interface HuggingFaceOptions {
  /** A token of Hugging Face that may call inference providers. */
  apiKey: string;
  /** Hugging Face's own unless given, with its `/v1`. */
  baseURL?: string | undefined;
}

/** Hugging Face's router, which has open models served by whichever of its providers answers fastest. */
export function createHuggingFaceProvider({ apiKey, baseURL }: HuggingFaceOptions): Provider {
  return createOpenAiProvider({
    name: 'huggingface',
    apiKey,
    baseURL: baseURL ?? 'https://router.huggingface.co/v1',
    dialect: { toModel: toHuggingFaceModel },
  });
}
