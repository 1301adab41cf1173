import type { ChatTurn } from '../contracts/prompt.ts';

/** A turn of the user or of the model. */
export interface JoinedTurn {
  role: 'user' | 'assistant';
  content: string;
}

/**
 * The turns for a wire that wants them to alternate, the system turn apart: blank ones, which it refuses, go; those
 * of one role in a row become one; what stands before the first of the user goes.
 */
export function joinTurns(turns: ChatTurn[]): JoinedTurn[] {
  const joined: JoinedTurn[] = [];
  for (const { role, content } of turns) {
    if (role === 'system' || content.trim() === '') continue;
    const last = joined.at(-1);
    if (last?.role === role) last.content += `\n\n${content}`;
    else if (last || role === 'user') joined.push({ role, content });
  }
  return joined;
}

/** The system turn, unless it is blank. */
export function systemOf(turns: ChatTurn[]): string | undefined {
  const system = turns.find((turn) => turn.role === 'system')?.content;
  return system?.trim() ? system : undefined;
}
