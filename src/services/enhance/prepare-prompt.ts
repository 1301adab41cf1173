import { DEFAULT_TONE, type EnhancementMetadata } from '../../contracts/enhancement.ts';
import type { PromptInput } from '../../contracts/prompt.ts';
import type { EnhanceBody } from '../../contracts/routes/ai-enhance.ts';
import type { Db } from '../../data/database.ts';
import { contextBudget } from '../context-budget.ts';
import { countPrompt } from '../count-prompt.ts';
import { estimateHold } from '../hold.ts';
import type { Detector } from '../masking/detector.ts';
import { createMasker } from '../masking/masker.ts';
import type { Model } from '../model-directory.ts';
import { ACTIONS } from './actions.ts';
import { type AssembledContext, assembleContext } from './context/assemble.ts';
import { systemPrompt } from './system-prompt.ts';

/** What prompts are made by. */
export interface PromptRules {
  /** What is kept from providers. */
  detectors: readonly Detector[];
  /** Most tokens that are told beside the text. */
  contextTokens: number;
  /** Tokens of output that are set aside. */
  reserveTokens: number;
}

/** An enhancement, as it is asked for. */
export interface EnhancementToPrepare {
  userId: string;
  body: EnhanceBody;
  model: Model;
}

/** A prompt, masked, and what is told of how it came to be. */
export interface PreparedPrompt {
  input: PromptInput;
  metadata: EnhancementMetadata;
}

const NOTHING_TOLD: AssembledContext = { text: '', report: { included: [], omitted: [], tokens: 0 } };

/**
 * Makes the prompt of an enhancement: what to do, and the context, in the system turn; the text alone in the user's.
 *
 * @throws {AppError} `not_found` for a record that is not registered
 */
export async function preparePrompt(
  db: Db,
  { userId, body, model }: EnhancementToPrepare,
  { detectors, contextTokens, reserveTokens }: PromptRules,
): Promise<PreparedPrompt> {
  const { action, context, includeContext = [], tone = DEFAULT_TONE } = body;
  const masker = createMasker(detectors);
  // In this order: placeholders are numbered by where they first stand.
  const text = await masker.mask(body.text);
  const customPrompt = await masker.mask(body.customPrompt ?? '');
  const fieldId = context?.fieldId === undefined ? undefined : await masker.mask(context.fieldId);
  const parts = {
    instructions: ACTIONS[action].instructions({ tone, customPrompt }),
    fieldType: context?.fieldType,
    fieldId,
  };
  const promptWith = (told: string): PromptInput => ({
    turns: [
      { role: 'system', content: systemPrompt({ ...parts, context: told }) },
      { role: 'user', content: text },
    ],
  });
  const room = contextBudget(model, {}) - (await countPrompt(promptWith('')));
  const budgetTokens = Math.min(contextTokens, room);
  const told = context
    ? await assembleContext(db, { userId, context, options: includeContext, budgetTokens, masker })
    : NOTHING_TOLD;
  const input = promptWith(told.text);
  const asked = await countPrompt(input);
  return {
    input,
    metadata: {
      tone: action === 'change_tone' ? tone : null,
      customPrompt: body.customPrompt ?? null,
      fieldType: context?.fieldType ?? null,
      entityId: context?.entityId ?? null,
      fieldId: context?.fieldId ?? null,
      masked: masker.counts,
      context: told.report,
      // What is set aside at admission, by the same count.
      estimatedTokens: estimateHold(model, { asked, history: 0 }, reserveTokens).holdTokens,
    },
  };
}
