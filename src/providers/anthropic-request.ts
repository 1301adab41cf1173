import type { Anthropic } from '@anthropic-ai/sdk';
import type { PromptOptions, ToolDefinition } from '../contracts/prompt.ts';
import { anthropicEffort } from './anthropic-effort.ts';
import { toAnthropicMessages } from './anthropic-messages.ts';
import { systemOf } from './joined-turns.ts';
import { knownParameters } from './known-parameters.ts';
import type { ProviderRequest } from './provider.ts';

/** The wire demands a limit: this one, where neither the request nor the model has one that is known. */
const DEFAULT_MAX_TOKENS = 4_096;
/** Most that is asked for unasked: what is kept free of a prompt for a reply is not more (`contextBudget`). */
const MOST_UNASKED = 16_384;

/** Older models still take these; the SDK's types have dropped them. */
type Body = Anthropic.MessageCreateParamsStreaming & { temperature?: number; top_p?: number; top_k?: number };

/** A request in the words of Anthropic's wire. The system turn has its own field. */
export function toAnthropicBody(request: ProviderRequest): Body {
  const { options = {} } = request;
  const system = systemOf(request.turns);
  return {
    model: request.model,
    max_tokens: request.maxTokens ?? Math.min(request.maxOutputTokens ?? DEFAULT_MAX_TOKENS, MOST_UNASKED),
    messages: toAnthropicMessages(request.turns),
    stream: true,
    ...(system === undefined ? {} : { system }),
    ...samplingOf(request),
    ...toolFields(options),
    ...outputFields(request.model, options),
  };
}

/**
 * The scale of the temperature ends at 1 here. From Opus 4.1 on temperature and `top_p` together are answered with
 * 400: where both are given, the temperature stays. Models that take neither do not take `top_k`.
 */
function samplingOf({ model, temperature, topP, options }: ProviderRequest): Partial<Body> {
  const topK = knownParameters('anthropic', model).includes('topP') ? options?.topK : undefined;
  return {
    ...(topK === undefined ? {} : { top_k: topK }),
    ...(temperature === undefined ? {} : { temperature: Math.min(temperature, 1) }),
    ...(temperature !== undefined || topP === undefined ? {} : { top_p: topP }),
  };
}

/** https://platform.claude.com/docs/en/agents-and-tools/tool-use/define-tools */
function toolFields({ tools, toolChoice, parallelToolCalls }: PromptOptions): Partial<Body> {
  if (!tools?.length) return {};
  const choice = toToolChoice(toolChoice ?? (parallelToolCalls === false ? 'auto' : undefined));
  const single = parallelToolCalls === false && choice?.type !== 'none';
  return {
    tools: tools.map(toTool),
    ...(choice ? { tool_choice: single ? { ...choice, disable_parallel_tool_use: true } : choice } : {}),
  };
}

/**
 * The type of the schema is demanded. Unless it streams eagerly, a long argument is written in silence, longer than the
 * idle timeout allows (https://platform.claude.com/docs/en/agents-and-tools/tool-use/fine-grained-tool-streaming).
 */
function toTool({ name, description, parameters, strict }: ToolDefinition): Anthropic.Tool {
  return {
    name,
    ...(description === undefined ? {} : { description }),
    input_schema: { properties: {}, ...parameters, type: 'object' },
    eager_input_streaming: true,
    ...(strict === undefined ? {} : { strict }),
  };
}

function toToolChoice(choice: PromptOptions['toolChoice']): Anthropic.ToolChoice | undefined {
  if (typeof choice === 'object') return { type: 'tool', name: choice.name };
  if (choice === 'required') return { type: 'any' };
  return choice && { type: choice };
}

/**
 * JSON without a schema is not known here, nor are texts to stop at that are white space alone
 * (https://platform.claude.com/docs/en/api/openai-sdk).
 */
function outputFields(model: string, options: PromptOptions): Partial<Body> {
  const { responseFormat, stop, reasoningEffort } = options;
  const sequences = stop?.filter((text) => text.trim() !== '') ?? [];
  const effort = anthropicEffort(model, reasoningEffort);
  const config: Anthropic.OutputConfig = {
    ...(effort === undefined ? {} : { effort }),
    ...(responseFormat?.type === 'json_schema'
      ? { format: { type: 'json_schema', schema: responseFormat.schema } }
      : {}),
  };
  return {
    ...(sequences.length > 0 ? { stop_sequences: sequences } : {}),
    ...(Object.keys(config).length > 0 ? { output_config: config } : {}),
  };
}
