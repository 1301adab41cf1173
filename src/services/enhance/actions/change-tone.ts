import type { Tone } from '../../../contracts/enhancement.ts';
import type { EnhanceAction } from '../action.ts';

/** What each tone is, for a model. */
const TONES: Record<Tone, string> = {
  professional: 'professional: competent, courteous and to the point, as between colleagues in business',
  friendly: 'friendly: warm and personal, as to somebody one likes, without being childish',
  casual: 'casual: relaxed and everyday, as in a chat among colleagues',
  formal: 'formal: correct, reserved and complete, as in an official letter',
  confident: 'confident: direct and certain, without hedging, and without promising more than the text does',
  persuasive:
    'persuasive: with the benefit to the reader first, and a clear call to act, without exaggerating',
  empathetic: 'empathetic: understanding and considerate of how the reader feels',
  neutral: 'neutral: factual and even, without feeling or judgement',
};

/** The same in another tone. */
export const changeTone: EnhanceAction = {
  name: 'change_tone',
  instructions: ({ tone }) => `Rewrite the text in another tone. The tone is ${TONES[tone]}.

- Change wording, forms of address and the build of sentences as far as the tone needs it.
- Keep the meaning, every fact, name, number and request, and about the same length.`,
};
