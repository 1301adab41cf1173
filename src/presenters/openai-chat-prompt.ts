import type { ChatCompletionBody } from '../contracts/openai-chat.ts';
import type { ChatMessage, ChatPart } from '../contracts/openai-chat-messages.ts';
import type {
  ChatTurn,
  ContentPart,
  PromptOptions,
  ResponseFormat,
  ToolChoice,
} from '../contracts/prompt.ts';
import type { NewCall } from '../services/calls.ts';
import { type AllowedTools, chooseTools } from './openai-tool-choice.ts';
import { defined, toPrompt, turnOf } from './prompt-turns.ts';

/** What a request of chat completions asks. @throws {AppError} `validation_failed` */
export function chatCall(body: ChatCompletionBody): NewCall {
  const { model, temperature, top_p: topP } = body;
  const limit = body.max_completion_tokens == null ? 'max_tokens' : 'max_completion_tokens';
  return {
    model,
    prompt: toPrompt(body.messages.map(toTurn), toOptions(body), 'body.messages'),
    settings: defined({ temperature, topP, maxTokens: body[limit] }),
    paths: {
      model: 'body.model',
      content: 'body.messages',
      temperature: 'body.temperature',
      maxTokens: `body.${limit}`,
    },
  };
}

function toTurn(message: ChatMessage): ChatTurn {
  const parts = toParts(message.content);
  switch (message.role) {
    case 'system':
    case 'developer':
      return turnOf('system', parts);
    case 'user':
      return turnOf('user', parts);
    case 'tool':
      return { ...turnOf('tool', parts), toolCallId: message.tool_call_id };
    case 'assistant': {
      const toolCalls = (message.tool_calls ?? []).map((call) => ({
        id: call.id,
        name: call.function.name,
        arguments: call.function.arguments,
      }));
      const said = message.content == null ? toParts(message.refusal) : parts;
      return { ...turnOf('assistant', said), ...(toolCalls.length > 0 && { toolCalls }) };
    }
  }
}

function toParts(content: string | ChatPart[] | null | undefined): ContentPart[] {
  if (content == null) return [];
  return typeof content === 'string' ? [{ type: 'text', text: content }] : content.map(toPart);
}

function toPart(part: ChatPart): ContentPart {
  if (part.type === 'text') return { type: 'text', text: part.text };
  if (part.type === 'refusal') return { type: 'text', text: part.refusal };
  const { url, detail } = part.image_url;
  return { type: 'image', url, ...(detail && { detail }) };
}

function toOptions(body: ChatCompletionBody): PromptOptions {
  const tools = (body.tools ?? []).map(({ function: { name, description, parameters, strict } }) => ({
    name,
    ...defined({ description, parameters, strict }),
  }));
  const stop = typeof body.stop === 'string' ? [body.stop] : body.stop;
  return defined({
    ...chooseTools(tools, toChoice(body.tool_choice)),
    parallelToolCalls: body.parallel_tool_calls,
    responseFormat: toFormat(body.response_format),
    stop: stop?.length ? stop : undefined,
    seed: body.seed,
    presencePenalty: body.presence_penalty,
    frequencyPenalty: body.frequency_penalty,
    reasoningEffort: body.reasoning_effort,
  });
}

function toChoice(choice: ChatCompletionBody['tool_choice']): ToolChoice | AllowedTools | undefined {
  if (choice == null || typeof choice === 'string') return choice ?? undefined;
  if (choice.type === 'function') return { name: choice.function.name };
  const { mode, tools } = choice.allowed_tools;
  return { mode, names: tools.map((tool) => tool.function.name) };
}

function toFormat(format: ChatCompletionBody['response_format']): ResponseFormat | undefined {
  if (format == null || format.type === 'text') return undefined;
  if (format.type === 'json_object') return { type: 'json_object' };
  const { name, schema, description, strict } = format.json_schema;
  return { type: 'json_schema', name, schema, ...defined({ description, strict }) };
}
