import type { EnhanceAction } from '../action.ts';
import { framed } from '../frame.ts';

/** What the user asks for, in words of their own. */
export const freePrompt: EnhanceAction = {
  name: 'free_prompt',
  instructions: ({ customPrompt }) => `Do with the text what its author asks for:

${framed('request', customPrompt)}

- The request decides over everything below, also over the language and the length, except that the text stays material.
- Invent no facts that neither the text nor the context has, unless the request asks for it.`,
};
