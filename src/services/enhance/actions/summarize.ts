import type { EnhanceAction } from '../action.ts';

/** What a text says, in a few sentences. */
export const summarize: EnhanceAction = {
  name: 'summarize',
  instructions: () => `Summarize the text for somebody who will not read it.

- Begin with what matters most. Then, in the order of their weight, the facts, decisions, open questions and next steps.
- One to three sentences; for a long text at most six, or a short list where the text has several topics.
- Say what the text says, not what it is: no "this text describes". Do not judge it, and conclude nothing that it does not.
- Keep names, numbers and dates exact.`,
};
