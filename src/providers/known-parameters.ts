import { MODEL_PARAMETERS, type ModelParameter } from '../contracts/model.ts';

/**
 * The settings that a model takes, where no catalogue says otherwise. A provider refuses a whole request for a
 * setting that its model does not take, so what is not sure is left out.
 *
 * @param provider our name of the provider, as in `openai`
 * @param name the provider's own name of the model, without our prefix
 */
export function knownParameters(provider: string, name: string): ModelParameter[] {
  return takesSampling(provider, name) ? [...MODEL_PARAMETERS] : ['maxTokens'];
}

function takesSampling(provider: string, name: string): boolean {
  if (provider === 'echo') return false;
  if (provider === 'anthropic') return ANTHROPIC_WITH_SAMPLING.test(name);
  if (provider === 'openai') return !OPENAI_WITHOUT_SAMPLING.test(name);
  return true;
}

/**
 * Claude 2, 3 and 4.0 to 4.6 by their ids, as in `claude-3-5-haiku-latest`, `claude-sonnet-4-20250514`. From Opus
 * 4.7 on `temperature` and `top_p` are answered with 400.
 */
const ANTHROPIC_WITH_SAMPLING = /^claude-(2|3|instant|(opus|sonnet|haiku)-4(-[0-6])?(-\d{8})?(-latest)?$)/;

/**
 * Models that reason (`o3`, `gpt-5-mini`, but not `gpt-5-chat-latest`) and those that search. From GPT-5.1 on it
 * depends on the effort, whose default is another one for each model
 * (https://platform.openai.com/docs/guides/latest-model#gpt-5-2-parameter-compatibility).
 */
const OPENAI_WITHOUT_SAMPLING =
  /^(ft:)?(o\d+(-|:|$)|gpt-([5-9]|1\d)(?!-chat)|codex-|computer-use-)|-search-(preview|api)/;
