import type { ChatTurn, ContentPart, ToolCall } from '../contracts/prompt.ts';

/** What a tool answered. */
export interface ToolAnswer {
  /** Which call it answers. */
  callId: string;
  content: string;
  parts: ContentPart[] | undefined;
}

/** A turn of the user, with what tools answered, or of the model, with what it asks of tools. */
export interface JoinedTurn {
  role: 'user' | 'assistant';
  /** None is blank. */
  parts: ContentPart[];
  calls: ToolCall[];
  answers: ToolAnswer[];
}

/**
 * The turns for a wire that wants them to alternate, the system turn apart: blank ones, which it refuses, go; those
 * of one role in a row become one, where what tools answered is the user's; what stands before the first of the
 * user goes.
 */
export function joinTurns(turns: readonly ChatTurn[]): JoinedTurn[] {
  const joined: JoinedTurn[] = [];
  for (const turn of turns) {
    const next = toJoined(turn);
    if (!next) continue;
    const last = joined.at(-1);
    if (last?.role === next.role) append(last, next);
    else if (last || turn.role === 'user') joined.push(next);
  }
  return joined;
}

/** The text of a turn that is nothing else; else undefined. */
export function plainTextOf({ parts, calls, answers }: JoinedTurn): string | undefined {
  const [part] = parts;
  const single = parts.length === 1 && calls.length === 0 && answers.length === 0;
  return single && part?.type === 'text' ? part.text : undefined;
}

/** The system turn, unless it is blank. */
export function systemOf(turns: readonly ChatTurn[]): string | undefined {
  const system = turns.find((turn) => turn.role === 'system')?.content;
  return system?.trim() ? system : undefined;
}

/** The parts without texts that are blank. */
export function withoutBlank(parts: ContentPart[]): ContentPart[] {
  return parts.filter((part) => part.type !== 'text' || part.text.trim() !== '');
}

function toJoined({ role, content, parts, toolCalls, toolCallId = '' }: ChatTurn): JoinedTurn | undefined {
  if (role === 'system') return undefined;
  if (role === 'tool') {
    return { role: 'user', parts: [], calls: [], answers: [{ callId: toolCallId, content, parts }] };
  }
  const kept = withoutBlank(parts ?? [{ type: 'text', text: content }]);
  const calls = role === 'assistant' ? (toolCalls ?? []) : [];
  return kept.length > 0 || calls.length > 0
    ? { role, parts: kept, calls: [...calls], answers: [] }
    : undefined;
}

function append(last: JoinedTurn, next: JoinedTurn): void {
  const end = last.parts.at(-1);
  const [begin, ...rest] = next.parts;
  if (end?.type === 'text' && begin?.type === 'text') {
    last.parts.splice(-1, 1, { type: 'text', text: `${end.text}\n\n${begin.text}` }, ...rest);
  } else last.parts.push(...next.parts);
  last.calls.push(...next.calls);
  last.answers.push(...next.answers);
}
