import type { EnhanceAction } from '../action.ts';

/** The same at more length. */
export const expand: EnhanceAction = {
  name: 'expand',
  instructions: () => `Expand the text to about twice its length.

- Spell out what it only touches on: say what follows from it, connect its thoughts, turn notes into full sentences.
- Use details of the context below where it has some that belong here.
- Invent nothing: no facts, names, numbers, dates, quotations or promises that neither the text nor the context has.
- Keep the point of view and the tone. Do not pad: each added sentence says something.`,
};
