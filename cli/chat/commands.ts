import { writeFile } from 'node:fs/promises';
import type { Session } from '../../src/contracts/session.ts';
import type { Conversation } from './conversation.ts';

/** A line that begins with a slash. */
interface Command {
  usage: string;
  summary: string;
  /** Answers what is to be told, if anything. */
  run(conversation: Conversation, argument: string): Promise<string | undefined>;
}

/** How many sessions `/sessions` lists. */
const LISTED = 20;

const COMMANDS: Record<string, Command> = {
  '/new': {
    usage: '/new',
    summary: 'opens a new session',
    async run(conversation) {
      await conversation.open();
      return undefined;
    },
  },
  '/sessions': {
    usage: '/sessions [NUMBER]',
    summary: 'lists your sessions, last used first; with a number, goes on with that one',
    async run(conversation, argument) {
      const path = `/sessions?limit=${LISTED}`;
      const { data } = await conversation.account.ask<{ data: Session[] }>('GET', path);
      if (argument === '') return data.map(asLine).join('\n');
      const chosen = data[Number(argument) - 1];
      if (!chosen) return `There is no session ${argument} in the list.`;
      await conversation.resume(chosen.id);
      return undefined;
    },
  },
  '/export': {
    usage: '/export [FILE]',
    summary: 'writes the session to a new file, as Markdown or (FILE.json) JSON',
    async run({ account, session }, argument) {
      const file = argument === '' ? `session-${session.id}.md` : argument;
      const format = file.endsWith('.json') ? 'json' : 'md';
      await writeFile(file, await account.download(`/sessions/${session.id}/export.${format}`), {
        flag: 'wx',
      });
      return `Written to ${file}.`;
    },
  },
  '/model': {
    usage: '/model [MODEL]',
    summary: 'tells which model answers, or sets it',
    async run(conversation, argument) {
      if (argument !== '') await conversation.useModel(argument);
      return `${conversation.session.model} answers.`;
    },
  },
  '/regenerate': {
    usage: '/regenerate',
    summary: 'has the last reply written again',
    async run(conversation) {
      return (await conversation.regenerate()) ? undefined : 'There is no reply yet.';
    },
  },
  '/quit': { usage: '/quit', summary: 'leaves; so do Ctrl-D, and Ctrl-C here', run: async () => undefined },
  '/help': { usage: '/help', summary: 'tells this', run: async () => help() },
};

/** Whether a line is for the client, not for the model. */
export const isCommand = (line: string): boolean => /^\/\w*(\s|$)/.test(line);

/** Runs a command; answers what is to be told, if anything. */
export async function runCommand(conversation: Conversation, line: string): Promise<string | undefined> {
  const [name = '', ...words] = line.trim().split(/\s+/);
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (!command) return `There is no command ${name}. /help lists them.`;
  return command.run(conversation, words.join(' '));
}

function help(): string {
  const lines = Object.values(COMMANDS).map(({ usage, summary }) => `  ${usage.padEnd(20)} ${summary}`);
  return [...lines, '  Ctrl-C               stops the reply; twice, leaves'].join('\n');
}

function asLine({ title, model, totals, lastActivityAt }: Session, index: number): string {
  const when = new Date(lastActivityAt).toLocaleString();
  return `${String(index + 1).padStart(3)}  ${title ?? '(no title)'}  ${model}, ${totals.messages} messages, ${when}`;
}
