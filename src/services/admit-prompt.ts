import { invalidField } from '../base/errors.ts';
import { invalidInput } from '../base/validation.ts';
import type { FieldError } from '../contracts/errors.ts';
import type { PromptInput } from '../contracts/prompt.ts';
import type { SessionSettings } from '../contracts/session.ts';
import { countPrompt, mostTokens } from './count-prompt.ts';
import type { Model } from './model-directory.ts';

/** What of a model limits what it can be asked. */
export type ModelLimits = Pick<Model, 'id' | 'provider' | 'contextLength' | 'maxOutputTokens' | 'parameters'>;

/** Kept free for the shortest reply that is worth anything, in tokens. */
const RESERVE = 100;
/** Providers whose scale of temperatures ends below that of the contract. */
const MAX_TEMPERATURE: Readonly<Record<string, number>> = { anthropic: 1 };

/**
 * Refuses settings that a model would refuse. One that it does not take at all is none of them: that is left out.
 *
 * @param path where the settings stand, as in `body.settings`
 * @throws {AppError} `validation_failed`, naming each setting and its limit
 */
export function requireSettings(model: ModelLimits, settings: SessionSettings, path: string): void {
  const { id, provider, parameters, maxOutputTokens, contextLength } = model;
  const errors: FieldError[] = [];
  const atMost = (name: 'temperature' | 'maxTokens', limit: number | null | undefined) => {
    const value = settings[name];
    if (limit == null || value === undefined || value <= limit || !parameters.includes(name)) return;
    errors.push({ path: `${path}.${name}`, message: `must be at most ${limit} for ${id}` });
  };
  atMost('temperature', MAX_TEMPERATURE[provider]);
  atMost('maxTokens', maxOutputTokens ?? contextLength);
  if (errors.length > 0) throw invalidInput(errors);
}

/**
 * Refuses a prompt that cannot fit in the window of one of the models, with its number of tokens. By our own count,
 * which differs a little from that of the models; most prompts are known to fit without any.
 *
 * @param path where the message stands, as in `body.content`
 * @throws {AppError} `validation_failed`
 */
export async function requireRoom(
  models: readonly ModelLimits[],
  prompt: PromptInput,
  path: string,
): Promise<void> {
  const most = mostTokens(prompt);
  const tight = models.filter((model) => roomOf(model) < most);
  if (tight.length === 0) return;
  const tokens = await countPrompt(prompt);
  for (const model of tight) {
    if (tokens <= roomOf(model)) continue;
    const told = prompt.turns[0]?.role === 'system' ? 'has, with the system prompt,' : 'has';
    const message = `${told} about ${tokens} tokens, and ${model.id} takes at most ${roomOf(model)}`;
    throw invalidField(path, message);
  }
}

/** Tokens of a prompt. */
function roomOf({ contextLength }: ModelLimits): number {
  return contextLength === null ? Number.POSITIVE_INFINITY : Math.max(0, contextLength - RESERVE);
}
