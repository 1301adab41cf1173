import type { EnhanceAction } from '../action.ts';

/** The same in fewer words. */
export const makeShorter: EnhanceAction = {
  name: 'make_shorter',
  instructions: () => `Make the text shorter: about half as long, and still a text of the same kind.

- Cut filler, repetition and side remarks; merge sentences that say the same.
- Keep what the reader needs: facts, names, numbers, dates, decisions, requests and deadlines.
- Keep the meaning, the point of view and the tone. Do not turn it into a summary about the text.`,
};
