import type { Message } from '../contracts/message.ts';
import type { ResponseInputItem, ResponseInputPart } from '../contracts/openai-response-items.ts';
import type { ResponseBody } from '../contracts/openai-responses.ts';
import type {
  ChatTurn,
  ContentPart,
  PromptOptions,
  ResponseFormat,
  ToolChoice,
} from '../contracts/prompt.ts';
import type { NewCall } from '../services/calls.ts';
import { readItemId } from './openai-response-ids.ts';
import { type AllowedTools, chooseTools } from './openai-tool-choice.ts';
import { defined, joinAssistants, toPrompt, turnOf } from './prompt-turns.ts';

/** Messages that items refer to, by their ids. */
export type ReferredMessages = ReadonlyMap<string, Message>;

/** What a request of responses asks. @throws {AppError} `validation_failed` */
export function responseCall(body: ResponseBody, referred: ReferredMessages): NewCall {
  const { model, input, instructions, temperature, top_p: topP, max_output_tokens: maxTokens } = body;
  const items: ResponseInputItem[] = typeof input === 'string' ? [{ role: 'user', content: input }] : input;
  const turns = withoutRepeats(items).flatMap((item) => toTurn(item, referred));
  const first: ChatTurn[] = instructions ? [{ role: 'system', content: instructions }] : [];
  return {
    model,
    prompt: toPrompt([...first, ...joinAssistants(turns)], toOptions(body), 'body.input'),
    settings: defined({ temperature, topP, maxTokens }),
    paths: {
      model: 'body.model',
      content: 'body.input',
      temperature: 'body.temperature',
      maxTokens: 'body.max_output_tokens',
    },
  };
}

/**
 * What is referred to again is told once. A text is kept in one piece, though thoughts may have split it into several items: the
 * first reference to any of them stands for all of it. And a call is as long as its model has made it: thousands of
 * references to a long one would make half a gigabyte of a small request.
 */
function withoutRepeats(items: ResponseInputItem[]): ResponseInputItem[] {
  const told = new Set<string>();
  return items.filter((item) => {
    const read = item.type === 'item_reference' ? readItemId(item.id) : undefined;
    if (!read) return true;
    const { kind, messageId, index } = read;
    const piece = kind === 'message' ? messageId : `${kind}/${messageId}/${index}`;
    if (told.has(piece)) return false;
    told.add(piece);
    return true;
  });
}

function toTurn(item: ResponseInputItem, referred: ReferredMessages): ChatTurn[] {
  switch (item.type) {
    case 'function_call': {
      const { call_id: id, name, arguments: text } = item;
      return [{ role: 'assistant', content: '', toolCalls: [{ id, name, arguments: text }] }];
    }
    case 'function_call_output':
      return [{ ...turnOf('tool', toParts(item.output)), toolCallId: item.call_id }];
    case 'item_reference':
      return toReferred(item.id, referred);
    case 'reasoning':
      return [];
    default: {
      const { role, content } = item as Extract<ResponseInputItem, { role: string }>;
      return [turnOf(role === 'developer' ? 'system' : role, toParts(content))];
    }
  }
}

/** What an answer said, or asked for. Its thoughts are not told again. */
function toReferred(id: string, referred: ReferredMessages): ChatTurn[] {
  const read = readItemId(id);
  const message = read && referred.get(read.messageId);
  if (!message || read.kind === 'reasoning') return [];
  if (read.kind === 'message') return [{ role: 'assistant', content: message.content }];
  const call = message.toolCalls[read.index];
  return call ? [{ role: 'assistant', content: '', toolCalls: [call] }] : [];
}

function toParts(content: string | ResponseInputPart[]): ContentPart[] {
  return typeof content === 'string' ? [{ type: 'text', text: content }] : content.map(toPart);
}

function toPart(part: ResponseInputPart): ContentPart {
  if (part.type === 'refusal') return { type: 'text', text: part.refusal };
  if (part.type !== 'input_image') return { type: 'text', text: part.text };
  const detail = part.detail === 'original' ? 'high' : part.detail;
  return { type: 'image', url: part.image_url, ...(detail && { detail }) };
}

function toOptions({
  tools,
  tool_choice,
  parallel_tool_calls,
  text,
  reasoning,
}: ResponseBody): PromptOptions {
  const known = (tools ?? []).map(({ name, description, parameters, strict }) => ({
    name,
    ...defined({ description, parameters, strict }),
  }));
  return defined({
    ...chooseTools(known, toChoice(tool_choice)),
    parallelToolCalls: parallel_tool_calls,
    responseFormat: toFormat(text?.format),
    reasoningEffort: reasoning?.effort,
  });
}

function toChoice(choice: ResponseBody['tool_choice']): ToolChoice | AllowedTools | undefined {
  if (choice == null || typeof choice === 'string') return choice ?? undefined;
  if (choice.type === 'function') return { name: choice.name };
  return { mode: choice.mode, names: choice.tools.map(({ name }) => name) };
}

function toFormat(format: NonNullable<ResponseBody['text']>['format']): ResponseFormat | undefined {
  if (format == null || format.type === 'text') return undefined;
  if (format.type === 'json_object') return { type: 'json_object' };
  const { name, schema, description, strict } = format;
  return { type: 'json_schema', name, schema, ...defined({ description, strict }) };
}
