import type { Message } from '../../src/contracts/message.ts';
import type { SendMessageAnswer } from '../../src/contracts/routes/messages.ts';
import type { Session } from '../../src/contracts/session.ts';
import { type Account, Refused } from './account.ts';
import { Connection } from './connection.ts';
import { type Change, type Entry, Transcript } from './transcript.ts';
import type { View } from './view.ts';

/** What a conversation is held with. */
export interface ConversationOptions {
  url: string;
  account: Account;
  view: View;
}

/** A reply that is awaited. */
interface Turn {
  /** Undefined until the server has the question. */
  replyId?: string;
  stopping: boolean;
  onEnd: (entry: Entry) => void;
  onFailure: (error: Error) => void;
}

/** Most messages that are shown of a session that is continued. */
const SHOWN = 6;

/** A person in one session at a time: asks, watches the reply being written, stops it. */
export class Conversation {
  readonly #options: ConversationOptions;
  #session: Session | undefined;
  #transcript = new Transcript();
  #connection: Connection | undefined;
  #turn: Turn | undefined;
  /** What was written from elsewhere, to be shown when nothing is being shown. */
  #elsewhere: Entry[] = [];
  readonly #own = new Set<string>();

  constructor(options: ConversationOptions) {
    this.#options = options;
  }

  /** The session that is open. */
  get session(): Session {
    if (!this.#session) throw new Error('No session is open.');
    return this.#session;
  }

  get account(): Account {
    return this.#options.account;
  }

  get view(): View {
    return this.#options.view;
  }

  /** Opens a new session. */
  async open(): Promise<void> {
    this.#enter(await this.account.ask<Session>('POST', '/sessions', {}), []);
  }

  /** Goes on with a session; shows the end of it, and the rest of a reply that is being written. */
  async resume(sessionId: string): Promise<void> {
    const path = `/sessions/${encodeURIComponent(sessionId)}`;
    const { messages, ...session } = await this.account.ask<Session & { messages: Message[] }>('GET', path);
    this.#enter(session, messages);
    const running = this.#transcript.newest((entry) => !entry.ended);
    const before = messages.filter(({ id }) => id !== running?.id);
    for (const message of before.slice(-SHOWN)) this.view.notice(asBlock(message.role, message.content));
    if (running) await this.#reply(async () => running.id);
  }

  /** Asks, and shows the reply until it has ended. */
  async say(content: string): Promise<Entry> {
    return this.#reply(async () => {
      const sent = await this.#connection?.send(content);
      if (sent) this.#own.add(sent.message.id);
      return sent?.replies[0]?.id;
    });
  }

  /** Has the last reply written again. */
  async regenerate(): Promise<Entry | undefined> {
    const last = this.#transcript.newest((entry) => entry.role === 'assistant' && entry.model !== null);
    if (!last) return undefined;
    return this.#reply(async () => {
      const path = `/messages/${last.id}/regenerate`;
      const { replies } = await this.account.ask<SendMessageAnswer>('POST', path, {});
      this.#connection?.add(replies);
      return replies[0]?.id;
    });
  }

  /** Changes the model of the session. */
  async useModel(model: string): Promise<void> {
    this.#session = await this.account.ask<Session>('PATCH', `/sessions/${this.session.id}`, { model });
  }

  /** Stops the reply that is being written. Returns false when there is none, or it is being stopped already. */
  interrupt(): boolean {
    if (!this.#turn || this.#turn.stopping) return false;
    this.#turn.stopping = true;
    this.view.notice('Stopping. Ctrl-C again leaves.');
    this.#stopIfAsked();
    return true;
  }

  /** Shows what was written from elsewhere, now and from now on until something is asked. */
  showElsewhere(): void {
    if (this.#turn) return;
    const entries = this.#elsewhere.filter((entry) => !this.#own.has(entry.id));
    this.#elsewhere = [];
    for (const { role, text } of entries) this.view.notice(asBlock(role, text));
  }

  close(): void {
    this.#connection?.close();
  }

  #enter(session: Session, messages: Message[]): void {
    this.#connection?.close();
    this.#session = session;
    this.#elsewhere = [];
    this.#own.clear();
    const transcript = new Transcript();
    transcript.restore(messages);
    this.#transcript = transcript;
    const { url, account, view } = this.#options;
    this.#connection = new Connection({
      url,
      account,
      sessionId: session.id,
      transcript,
      events: {
        change: (change) => this.#onChange(change),
        session: (changed) => {
          this.#session = changed;
        },
        lost: () => view.notice('The connection is lost; it comes back by itself.'),
        back: () => view.notice('The connection is back.'),
        failed: (error) => this.#onFailure(error),
      },
    });
    view.notice(`Session ${session.id} (${session.model}).`);
  }

  /** Begins a reply and shows it until it has ended. */
  async #reply(begin: () => Promise<string | undefined>): Promise<Entry> {
    const ended = new Promise<Entry>((onEnd, onFailure) => {
      this.#turn = { stopping: false, onEnd, onFailure };
    });
    ended.catch(() => {});
    try {
      const replyId = await begin();
      if (replyId === undefined) throw new Error('The server answered without a reply.');
      this.#follow(replyId);
      const entry = await ended;
      this.view.endReply();
      this.view.notice(footerOf(entry));
      return entry;
    } finally {
      this.view.endReply();
      this.#turn = undefined;
    }
  }

  #follow(replyId: string): void {
    const entry = this.#transcript.get(replyId);
    if (!this.#turn || !entry) throw new Error('The reply was deleted.');
    this.#own.add(replyId);
    this.#turn.replyId = replyId;
    this.#show(entry);
    if (entry.ended) this.#turn.onEnd(entry);
    else this.#stopIfAsked();
  }

  #stopIfAsked(): void {
    const { replyId, stopping } = this.#turn ?? {};
    if (!stopping || replyId === undefined) return;
    this.#connection?.stop(replyId).catch((error: Error) => this.view.notice(error.message));
  }

  #onChange(change: Change): void {
    const { entry } = change;
    if (entry.id !== this.#turn?.replyId) {
      this.#onChangeElsewhere(change);
      return;
    }
    if (change.type === 'append' && change.part === 'reasoning') this.view.reasoning(change.text);
    else if (change.type === 'append') this.view.text(change.text);
    else if (change.type === 'end') this.#turn.onEnd(entry);
    else if (change.type === 'restart') {
      this.view.restart();
      this.#show(entry);
    }
  }

  /** All that there is of a reply so far. */
  #show({ reasoning, text }: Entry): void {
    this.view.reasoning(reasoning);
    this.view.text(text);
  }

  /** A message is shown as a whole: what people write when it comes, a reply when it has ended. */
  #onChangeElsewhere({ type, entry }: Change): void {
    const whole = type === 'end' || (type === 'begin' && entry.ended);
    if (!whole) return;
    this.#elsewhere.push(entry);
    this.showElsewhere();
  }

  #onFailure(error: Error): void {
    if (this.#turn) this.#turn.onFailure(error);
    else this.view.notice(`${error.message} ${wayOnFrom(error)}`);
  }
}

/** What is left to a person whose connection does not come back. */
function wayOnFrom(error: Error): string {
  const isSignedOut = error instanceof Refused && error.problem.status === 401;
  return isSignedOut ? '/quit, and start this client again.' : '/new opens another session.';
}

const SPEAKERS: Record<Message['role'], string> = { user: 'You', assistant: 'Reply', system: 'System' };

const asBlock = (role: Message['role'], text: string): string => `${SPEAKERS[role]}: ${text.trimEnd()}`;

/** How a reply ended, in one line. */
function footerOf({ model, status, error, tokens, credits }: Entry): string {
  const how = {
    completed: undefined,
    cancelled: 'stopped',
    failed: error ? `failed: ${error.message} (${error.code})` : 'failed',
    queued: 'deleted',
    streaming: 'deleted',
  }[status];
  const parts = [how, model, tokens !== null && `${tokens} tokens`, credits !== null && `${credits} credits`];
  return `[${parts.filter(Boolean).join(' · ')}]`;
}
