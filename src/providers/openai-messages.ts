import type { OpenAI } from 'openai';
import type { ChatTurn, ContentPart, ToolCall } from '../contracts/prompt.ts';
import { splitCallId } from './tool-call-id.ts';

type Message = OpenAI.ChatCompletionMessageParam;
type UserPart = OpenAI.ChatCompletionContentPartText | OpenAI.ChatCompletionContentPartImage;

/** Fields beside those of OpenAI of a message that asks for calls. */
export type CallFields = (calls: readonly ToolCall[]) => Readonly<Record<string, unknown>>;

/**
 * The turns in the words of chat completions (https://platform.openai.com/docs/api-reference/chat/create). A turn
 * that is only its text goes as a string: not every compatible server takes a list.
 */
export function toOpenAiMessages(turns: readonly ChatTurn[], callFields?: CallFields): Message[] {
  return turns.map((turn) =>
    turn.toolCalls?.length ? { ...toMessage(turn), ...callFields?.(turn.toolCalls) } : toMessage(turn),
  );
}

function toMessage({ role, content, parts, toolCalls, toolCallId = '' }: ChatTurn): Message {
  switch (role) {
    case 'user':
      return { role, content: parts ? parts.map(toPart) : content };
    case 'tool':
      return {
        role,
        tool_call_id: splitCallId(toolCallId).id,
        content: parts ? toToolParts(parts) : content,
      };
    case 'assistant':
      if (!toolCalls?.length) return { role, content };
      return { role, content: content === '' ? null : content, tool_calls: toolCalls.map(toWireCall) };
    default:
      return { role, content };
  }
}

function toPart(part: ContentPart): UserPart {
  if (part.type === 'text') return { type: 'text', text: part.text };
  const { url, detail } = part;
  return { type: 'image_url', image_url: { url, ...(detail === undefined ? {} : { detail }) } };
}

/** OpenAI takes text alone here and says so; some compatible servers take images. */
function toToolParts(parts: ContentPart[]): OpenAI.ChatCompletionContentPartText[] {
  return parts.map(toPart) as OpenAI.ChatCompletionContentPartText[];
}

/** OpenAI takes ids of 40 characters at most, so what one carries beside itself stays here. */
function toWireCall({ id, name, arguments: text }: ToolCall): OpenAI.ChatCompletionMessageFunctionToolCall {
  return { id: splitCallId(id).id, type: 'function', function: { name, arguments: text } };
}
