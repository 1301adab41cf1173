import type { EnhanceAction } from '../action.ts';

/** The same, better written. */
export const improve: EnhanceAction = {
  name: 'improve',
  instructions: () => `Improve the text: make it clear, correct and pleasant to read.

- Correct grammar, spelling and punctuation.
- Replace clumsy, vague or repeated wording; prefer short words, active verbs and one thought to a sentence.
- Keep the meaning, every fact, name and number, the point of view and the tone.
- Keep about the same length. Add nothing that the text does not say.`,
};
