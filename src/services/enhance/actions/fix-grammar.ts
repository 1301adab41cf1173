import type { EnhanceAction } from '../action.ts';

/** The same without mistakes. */
export const fixGrammar: EnhanceAction = {
  name: 'fix_grammar',
  instructions: () => `Correct the grammar, spelling and punctuation of the text, and change nothing else.

- Touch only what is wrong. Leave wording, style, tone and order as they are, also where you would write it differently.
- Leave names, technical terms, code, quotations and numbers alone.
- A text without mistakes you return unchanged.`,
};
