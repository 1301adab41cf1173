import { Account, type Credentials, Refused } from './chat/account.ts';
import { isCommand, runCommand } from './chat/commands.ts';
import { Conversation } from './chat/conversation.ts';
import { type Input, pipedInput, terminalInput } from './chat/input.ts';
import { type Options, readOptions, USAGE } from './chat/options.ts';
import { View } from './chat/view.ts';

/** What a shell calls the end by Ctrl-C. */
const INTERRUPTED = 130;
/** And the end of a program whose output nobody reads any more. */
const BROKEN_PIPE = 141;
/** Faster than anybody presses Ctrl-C twice, in milliseconds. */
const ONE_PRESS_MS = 100;

/** `npm run chat`: a chat client for the terminal. */
const view = new View(process.stdout, process.stderr);
for (const output of [process.stdout, process.stderr]) output.on('error', onOutputLost);

try {
  const options = readOptions(process.argv.slice(2));
  if (options.help) view.text(`${USAGE}\n`);
  else await chat(options, openInput());
} catch (error) {
  view.notice(messageOf(error));
  process.exitCode = 1;
}

async function chat(options: Options, input: Input): Promise<void> {
  const account = await signIn(options, input);
  const conversation = new Conversation({ url: options.url, account, view });
  onInterrupt(() => {
    if (conversation.interrupt()) return;
    view.endLine();
    process.exit(INTERRUPTED);
  });
  await (options.session === undefined ? conversation.open() : conversation.resume(options.session));
  if (view.isTerminal) view.notice('Type a message. /help lists the commands.');
  await converse(conversation, input);
  conversation.close();
}

/** npm passes Ctrl-C on to a process that the terminal has told already: two at once are one. */
function onInterrupt(handle: () => void): void {
  let lastMs = Number.NEGATIVE_INFINITY;
  process.on('SIGINT', () => {
    const sinceMs = performance.now() - lastMs;
    lastMs = performance.now();
    if (sinceMs > ONE_PRESS_MS) handle();
  });
}

/** `| head` has what it wanted, or the disk is full: whatever comes would be asked and paid for, and read by nobody. */
function onOutputLost(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') process.exit(BROKEN_PIPE);
  process.stderr.write(`${error.message}\n`, () => process.exit(1));
}

async function converse(conversation: Conversation, input: Input): Promise<void> {
  for (;;) {
    conversation.showElsewhere();
    const line = await input.line('> ');
    if (line === undefined || line.trim() === '/quit') return;
    if (line.trim() === '') continue;
    try {
      await answer(conversation, line);
    } catch (error) {
      view.notice(messageOf(error));
      if (!view.isTerminal) process.exitCode = 1;
    }
  }
}

async function answer(conversation: Conversation, line: string): Promise<void> {
  if (isCommand(line)) {
    const told = await runCommand(conversation, line);
    if (told !== undefined) view.notice(told);
    return;
  }
  const { status } = await conversation.say(line);
  if (status === 'failed' && !view.isTerminal) process.exitCode = 1;
}

/** Until it works, if there is a person to ask again. */
async function signIn(options: Options, input: Input): Promise<Account> {
  for (;;) {
    try {
      const { account, isNew } = await Account.open(options.url, await askCredentials(options, input));
      view.notice(`${isNew ? 'Signed up: a new account for' : 'Signed in as'} ${account.email}.`);
      return account;
    } catch (error) {
      const given = options.password !== undefined;
      if (!(error instanceof Refused) || given || !process.stdin.isTTY) throw new Error(messageOf(error));
      view.notice(messageOf(error));
    }
  }
}

async function askCredentials(options: Options, input: Input): Promise<Credentials> {
  const email = options.email ?? (await input.line('E-mail: '));
  const password = options.password ?? (email && (await input.secret('Password: ')));
  if (!email || !password) throw new Error('An e-mail address and a password are needed.');
  return { email: email.trim(), password };
}

function openInput(): Input {
  const { stdin, stderr } = process;
  return stdin.isTTY && stderr.isTTY ? terminalInput(stdin, stderr, view) : pipedInput(stdin);
}

function messageOf(error: unknown): string {
  if (error instanceof Refused && error.problem.code === 'email_taken') return 'The password is wrong.';
  return error instanceof Error ? error.message : String(error);
}
