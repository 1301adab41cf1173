import type { Message } from '../contracts/message.ts';
import type { Database } from '../data/database.ts';
import { pageMessagesAfter } from '../data/repositories/message-pages.ts';
import type { LiveMessages } from './live-messages.ts';

/**
 * The messages of a session, oldest first, read page by page as they are taken: never all at once, and no further when
 * nobody takes them. No connection is kept between pages, however slow the reader.
 */
export type ReadMessages = (sessionId: string) => AsyncGenerator<Message>;

/** What reading needs. */
export interface ReadMessagesDeps {
  database: Pick<Database, 'db'>;
  /** Shows a message; a running one with its text so far. */
  present: LiveMessages['present'];
}

/** Messages that are read at once, at most. */
const PAGE = 200;

/** Older than any message. */
const NIL = '00000000-0000-0000-0000-000000000000';

/** Makes the reader. */
export function createReadMessages({ database, present }: ReadMessagesDeps): ReadMessages {
  return async function* read(sessionId) {
    for (let after: string | undefined = NIL; after !== undefined; ) {
      const { messages, more } = await pageMessagesAfter(database.db, { sessionId, after, limit: PAGE });
      for (const message of messages) yield await present(message);
      after = more ? messages.at(-1)?.id : undefined;
    }
  };
}
