import type { Anthropic } from '@anthropic-ai/sdk';
import type { ChatTurn, ContentPart, ToolCall } from '../contracts/prompt.ts';
import { readArguments } from './call-arguments.ts';
import { readDataUrl } from './data-url.ts';
import { type JoinedTurn, joinTurns, plainTextOf, type ToolAnswer, withoutBlank } from './joined-turns.ts';
import { splitCallId } from './tool-call-id.ts';

/**
 * The turns in the words of Anthropic's messages (https://platform.claude.com/docs/en/api/messages). What tools
 * answered is the user's, and stands before what the user says
 * (https://platform.claude.com/docs/en/agents-and-tools/tool-use/handle-tool-calls).
 */
export function toAnthropicMessages(turns: readonly ChatTurn[]): Anthropic.MessageParam[] {
  return joinTurns(turns).map((turn) => ({
    role: turn.role,
    content: plainTextOf(turn) ?? toBlocks(turn),
  }));
}

function toBlocks({ answers, parts, calls }: JoinedTurn): Anthropic.ContentBlockParam[] {
  return [...answers.map(toResult), ...parts.map(toBlock), ...calls.map(toToolUse)];
}

function toBlock(part: ContentPart): Anthropic.TextBlockParam | Anthropic.ImageBlockParam {
  return part.type === 'text'
    ? { type: 'text', text: part.text }
    : { type: 'image', source: toSource(part.url) };
}

/** https://platform.claude.com/docs/en/build-with-claude/vision; the provider says which types it takes. */
function toSource(url: string): Anthropic.ImageBlockParam['source'] {
  const inline = readDataUrl(url);
  if (!inline) return { type: 'url', url };
  const mediaType = inline.mediaType as Anthropic.Base64ImageSource['media_type'];
  return { type: 'base64', media_type: mediaType, data: inline.data };
}

function toToolUse({ id, name, arguments: text }: ToolCall): Anthropic.ToolUseBlockParam {
  return { type: 'tool_use', id: toWireId(id), name, input: readArguments(text) };
}

function toResult({ callId, content, parts }: ToolAnswer): Anthropic.ToolResultBlockParam {
  const told = parts ? withoutBlank(parts).map(toBlock) : content;
  const isEmpty = typeof told === 'string' ? told.trim() === '' : told.length === 0;
  return { type: 'tool_result', tool_use_id: toWireId(callId), ...(isEmpty ? {} : { content: told }) };
}

/** Ids of other providers have dots and colons, as in `functions.look_up:0`; here they are refused. */
function toWireId(callId: string): string {
  return splitCallId(callId).id.replace(/[^A-Za-z0-9_-]/g, '_');
}
