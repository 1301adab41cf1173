import type { Message } from '../contracts/message.ts';
import type { Session } from '../contracts/session.ts';

/** A session as it is exported. */
export interface SessionExport {
  session: Session;
  /** ISO 8601, UTC. */
  exportedAt: string;
  /** Oldest first; read as they are taken. */
  messages: AsyncIterable<Message>;
}

/** A session with its messages as one JSON document, piece by piece, a message a line. */
export async function* exportJson({ session, exportedAt, messages }: SessionExport): AsyncGenerator<string> {
  yield `{"exportedAt":${JSON.stringify(exportedAt)},\n"session":${JSON.stringify(session)},\n"messages":[`;
  let separator = '\n';
  for await (const message of messages) {
    yield separator + JSON.stringify(message);
    separator = ',\n';
  }
  yield '\n]}\n';
}
