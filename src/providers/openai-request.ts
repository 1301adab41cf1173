import type { OpenAI } from 'openai';
import type { PromptOptions, ResponseFormat, ToolChoice, ToolDefinition } from '../contracts/prompt.ts';
import { type CallFields, toOpenAiMessages } from './openai-messages.ts';
import type { ProviderRequest } from './provider.ts';

/** The parameter that limits the output. */
export type LimitName = 'max_completion_tokens' | 'max_tokens';

/** What of a request depends on the service. */
export interface OpenAiFields {
  limitName: LimitName;
  /** OpenAI itself refuses it; most compatible servers know it. */
  takesTopK: boolean;
  /** @param model the provider's own name */
  callFieldsOf?: ((model: string) => CallFields) | undefined;
}

/** `top_k` is not OpenAI's. */
type Body = OpenAI.ChatCompletionCreateParamsStreaming & { top_k?: number };

/** A request in the words of chat completions (https://platform.openai.com/docs/api-reference/chat/create). */
export function toOpenAiBody(
  request: ProviderRequest,
  { limitName, takesTopK, callFieldsOf }: OpenAiFields,
): Body {
  const { model, turns, options = {}, temperature, topP, maxTokens } = request;
  return {
    model,
    messages: toOpenAiMessages(turns, callFieldsOf?.(model)),
    stream: true,
    stream_options: { include_usage: true },
    ...(temperature === undefined ? {} : { temperature }),
    ...(topP === undefined ? {} : { top_p: topP }),
    ...(maxTokens === undefined ? {} : { [limitName]: maxTokens }),
    ...toolFields(options),
    ...samplingFields(options),
    ...(takesTopK && options.topK !== undefined ? { top_k: options.topK } : {}),
  };
}

/** A choice, or a limit, where there is nothing to choose from is refused. */
function toolFields({ tools, toolChoice, parallelToolCalls }: PromptOptions): Partial<Body> {
  if (!tools?.length) return {};
  return {
    tools: tools.map(toTool),
    ...(toolChoice === undefined ? {} : { tool_choice: toToolChoice(toolChoice) }),
    ...(parallelToolCalls === undefined ? {} : { parallel_tool_calls: parallelToolCalls }),
  };
}

function toTool({
  name,
  description,
  parameters,
  strict,
}: ToolDefinition): OpenAI.ChatCompletionFunctionTool {
  return {
    type: 'function',
    function: {
      name,
      ...(description === undefined ? {} : { description }),
      ...(parameters === undefined ? {} : { parameters }),
      ...(strict === undefined ? {} : { strict }),
    },
  };
}

function toToolChoice(choice: ToolChoice): OpenAI.ChatCompletionToolChoiceOption {
  return typeof choice === 'string' ? choice : { type: 'function', function: { name: choice.name } };
}

function samplingFields(options: PromptOptions): Partial<Body> {
  const { responseFormat, stop, seed, presencePenalty, frequencyPenalty, reasoningEffort } = options;
  return {
    ...(responseFormat === undefined ? {} : { response_format: toResponseFormat(responseFormat) }),
    ...(stop?.length ? { stop } : {}),
    ...(seed === undefined ? {} : { seed }),
    ...(presencePenalty === undefined ? {} : { presence_penalty: presencePenalty }),
    ...(frequencyPenalty === undefined ? {} : { frequency_penalty: frequencyPenalty }),
    ...(reasoningEffort === undefined ? {} : { reasoning_effort: reasoningEffort }),
  };
}

function toResponseFormat(format: ResponseFormat): NonNullable<Body['response_format']> {
  if (format.type === 'json_object') return { type: 'json_object' };
  const { name, schema, description, strict } = format;
  return {
    type: 'json_schema',
    json_schema: {
      name,
      schema,
      ...(description === undefined ? {} : { description }),
      ...(strict === undefined ? {} : { strict }),
    },
  };
}
