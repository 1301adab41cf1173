import type { Message } from '../contracts/message.ts';
import type { SessionExport } from './export-json.ts';
import { escapeMarkdown, openBlock } from './markdown.ts';

/** A session with its messages as a Markdown document, piece by piece. */
export async function* exportMarkdown({
  session,
  exportedAt,
  messages,
}: SessionExport): AsyncGenerator<string> {
  yield `# ${escapeMarkdown(session.title ?? '') || 'Untitled session'}\n`;
  yield `\n- Model: ${escapeMarkdown(session.model)}\n- Created: ${session.createdAt}\n- Exported: ${exportedAt}\n`;
  for await (const message of messages) yield asMarkdown(message);
}

const SPEAKERS: Record<Message['role'], string> = { user: 'User', assistant: 'Assistant', system: 'System' };

/** Heading, how it ended if not well, and the content as it is. */
function asMarkdown({ role, model, createdAt, content, status, error }: Message): string {
  const heading = [SPEAKERS[role], ...(model === null ? [] : [escapeMarkdown(model)]), createdAt].join(' · ');
  const note = noteOf(status, error);
  const end = openBlock(content);
  return [
    `\n## ${heading}\n`,
    ...(note === null ? [] : [`\n> ${note}\n`]),
    ...(content === '' ? [] : [`\n${content}\n`]),
    ...(end === null ? [] : [`${end}\n`]),
  ].join('');
}

function noteOf(status: Message['status'], error: Message['error']): string | null {
  switch (status) {
    case 'completed':
      return null;
    case 'failed':
      return `**Failed**${error ? ` (${escapeMarkdown(error.code)}): ${escapeMarkdown(error.message)}` : ''}`;
    case 'cancelled':
      return '**Cancelled** before it was complete';
    default:
      return '**Still being written** when this was exported';
  }
}
