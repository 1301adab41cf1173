import type { EnhanceActionName, Tone } from '../../contracts/enhancement.ts';

/** What an action is told beside the text. Masked. */
export interface ActionInput {
  tone: Tone;
  /** Empty, except for `free_prompt`. */
  customPrompt: string;
}

/** Something that can be done with a text: a template of what the model is told to do. */
export interface EnhanceAction {
  name: EnhanceActionName;
  /** What is to be done, for the system turn; the text itself is the user's turn. */
  instructions(input: ActionInput): string;
}
