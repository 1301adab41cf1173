import type { AnthropicModel, OpenAiModel } from '../contracts/routes/v1-models.ts';
import type { ModelRecord } from '../data/entities/model.ts';
import { secondsOf } from './foreign-call.ts';

/** What of a model is told to clients of other APIs. */
export type CallableModel = Pick<ModelRecord, 'id' | 'provider' | 'title' | 'createdAt'>;

/** A model in OpenAI's words. */
export function presentOpenAiModel({ id, provider, createdAt }: CallableModel): OpenAiModel {
  return { id, object: 'model', created: secondsOf(createdAt.toISOString()), owned_by: provider };
}

/** A model in Anthropic's words. */
export function presentAnthropicModel({ id, title, createdAt }: CallableModel): AnthropicModel {
  return { type: 'model', id, display_name: title, created_at: createdAt.toISOString() };
}
