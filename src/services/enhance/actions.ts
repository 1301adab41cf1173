import type { EnhanceActionName } from '../../contracts/enhancement.ts';
import type { EnhanceAction } from './action.ts';
import { changeTone } from './actions/change-tone.ts';
import { expand } from './actions/expand.ts';
import { fixGrammar } from './actions/fix-grammar.ts';
import { freePrompt } from './actions/free-prompt.ts';
import { improve } from './actions/improve.ts';
import { makeShorter } from './actions/make-shorter.ts';
import { summarize } from './actions/summarize.ts';

/** Every action, by its name. */
export const ACTIONS: Readonly<Record<EnhanceActionName, EnhanceAction>> = {
  improve,
  make_shorter: makeShorter,
  summarize,
  fix_grammar: fixGrammar,
  change_tone: changeTone,
  expand,
  free_prompt: freePrompt,
};
