import { EntitySchema } from 'typeorm';
import type { ROLES } from '../../contracts/message.ts';

/**
 * A message of a session. What a model's reply adds (model, status, usage, cost) stands in its generation,
 * once; see {@link ../repositories/messages.ts} for the two together.
 */
export interface MessageRecord {
  id: string;
  sessionId: string;
  userId: string;
  /** The message that this one answers (assistant) or follows (user). */
  parentId: string | null;
  role: (typeof ROLES)[number];
  /** Of a running reply: empty until it is settled; the live text is in the feed. */
  content: string;
  /** What the model thought before it answered; null where it does not tell, and while it runs. */
  reasoning: string | null;
  createdAt: Date;
}

export const MessageEntity = new EntitySchema<MessageRecord>({
  name: 'Message',
  tableName: 'messages',
  columns: {
    id: { type: 'uuid', primary: true },
    sessionId: { type: 'uuid' },
    userId: { type: 'uuid' },
    parentId: { type: 'uuid', nullable: true },
    role: { type: 'text' },
    content: { type: 'text' },
    reasoning: { type: 'text', nullable: true },
    createdAt: { type: 'timestamptz' },
  },
});
