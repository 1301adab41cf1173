import { type AppError, invalidField } from '../base/errors.ts';
import type { ChatTurn, ContentPart, PromptInput, PromptOptions } from '../contracts/prompt.ts';

/** A turn of several parts; one that is text alone has none. */
export function turnOf(role: ChatTurn['role'], parts: ContentPart[]): ChatTurn {
  const content = parts.flatMap((part) => (part.type === 'text' ? [part.text] : [])).join('\n');
  return parts.some(({ type }) => type !== 'text') ? { role, content, parts } : { role, content };
}

/**
 * A prompt of these turns: what the system says becomes one turn, the first.
 *
 * @param path where they stand in the request
 * @throws {AppError} `validation_failed` when nothing is asked, or nothing but blanks, or an answer belongs to no call, and for
 *   a choice of a tool that there is not
 */
export function toPrompt(turns: ChatTurn[], options: PromptOptions, path: string): PromptInput {
  const system = turns.filter(({ role }) => role === 'system').map(({ content }) => content);
  const said = turns.filter(({ role }) => role !== 'system');
  if (!said.some(({ role }) => role === 'user')) throw invalidField(path, 'must have a message of the user');
  if (isBlank(said)) throw invalidField(path, 'the last message of the user must not be empty');
  requireCalls(said, path);
  requireTools(options);
  const first: ChatTurn[] = system.length > 0 ? [{ role: 'system', content: system.join('\n\n') }] : [];
  return { turns: [...first, ...said], ...(Object.keys(options).length > 0 && { options }) };
}

/** The last thing that is asked has no text, no image, and says nothing to what a tool answered. */
function isBlank(turns: ChatTurn[]): boolean {
  const at = turns.findLastIndex(({ role }) => role === 'user' || role === 'tool');
  const last = turns[at];
  if (last?.role !== 'user' || last.content.trim() !== '' || last.parts) return false;
  return turns[at - 1]?.role !== 'tool';
}

function requireCalls(turns: ChatTurn[], path: string): void {
  const called = new Set<string>();
  for (const { toolCalls = [], toolCallId } of turns) {
    for (const { id } of toolCalls) called.add(id);
    if (toolCallId === undefined || called.has(toolCallId)) continue;
    throw invalidField(
      path,
      `has an answer to the call ${JSON.stringify(toolCallId.slice(0, 80))}, which is not asked for before it`,
    );
  }
}

/**
 * One provider would refuse what another takes for no choice at all, and a client that must have a call would wait for it in vain.
 * `tools` and `tool_choice` are what these fields are called in all of the APIs.
 */
function requireTools({ tools = [], toolChoice }: PromptOptions): void {
  const names = tools.map(({ name }) => name);
  const twice = names.find((name, at) => names.indexOf(name) < at);
  if (twice !== undefined)
    throw invalidField('body.tools', `has the name ${JSON.stringify(twice)} more than once`);
  if (toolChoice === undefined || toolChoice === 'auto' || toolChoice === 'none') return;
  if (names.length === 0) throw invalidField('body.tool_choice', 'asks for a call, and there are no `tools`');
  if (toolChoice === 'required' || names.includes(toolChoice.name)) return;
  throw unknownTool(toolChoice.name);
}

/** For a choice of a tool that there is not. */
export const unknownTool = (name: string): AppError =>
  invalidField('body.tool_choice', `names ${JSON.stringify(name)}, which is none of the \`tools\``);

/** Turns of the assistant in a row as one: the calls of one answer come one by one, and belong together. */
export function joinAssistants(turns: ChatTurn[]): ChatTurn[] {
  const joined: ChatTurn[] = [];
  for (const turn of turns) {
    const last = joined.at(-1);
    if (turn.role === 'assistant' && last?.role === 'assistant') append(last, turn);
    else joined.push({ ...turn, ...(turn.toolCalls && { toolCalls: [...turn.toolCalls] }) });
  }
  return joined;
}

/** In place: there may be thousands in a row. */
function append(last: ChatTurn, { content, toolCalls = [] }: ChatTurn): void {
  if (content !== '') last.content = last.content === '' ? content : `${last.content}\n${content}`;
  if (toolCalls.length === 0) return;
  last.toolCalls ??= [];
  last.toolCalls.push(...toolCalls);
}

/** Without what is undefined or null. */
export function defined<T extends object>(fields: T): { [K in keyof T]?: NonNullable<T[K]> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value != null)) as {
    [K in keyof T]?: NonNullable<T[K]>;
  };
}
