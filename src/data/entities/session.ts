import { EntitySchema } from 'typeorm';
import type { SessionKind, SessionSettings } from '../../contracts/session.ts';

/** A conversation. */
export interface SessionRecord {
  id: string;
  userId: string;
  groupId: string | null;
  kind: SessionKind;
  title: string | null;
  /** Who made the title: its owner, the first words of the conversation, or a model. */
  titleBy: 'owner' | 'excerpt' | 'model';
  model: string;
  settings: SessionSettings;
  /** What its door keeps beside it, such as the action of an enhancement. */
  metadata: Record<string, unknown>;
  isFavorite: boolean;
  messageCount: number;
  /** Input and output tokens of all its generations. */
  totalTokens: number;
  /** US dollars, a decimal string. */
  totalCostUsd: string;
  /** Credits, a decimal string. */
  totalCredits: string;
  lastActivityAt: Date;
  expiresAt: Date | null;
  createdAt: Date;
  updatedAt: Date;
}

export const SessionEntity = new EntitySchema<SessionRecord>({
  name: 'Session',
  tableName: 'sessions',
  columns: {
    id: { type: 'uuid', primary: true },
    userId: { type: 'uuid' },
    groupId: { type: 'uuid', nullable: true },
    kind: { type: 'text' },
    title: { type: 'text', nullable: true },
    titleBy: { type: 'text' },
    model: { type: 'text' },
    settings: { type: 'jsonb' },
    metadata: { type: 'jsonb' },
    isFavorite: { type: 'boolean' },
    messageCount: { type: 'integer' },
    totalTokens: { type: 'bigint', transformer: { from: Number, to: (value?: number) => value } },
    totalCostUsd: { type: 'numeric' },
    totalCredits: { type: 'numeric' },
    lastActivityAt: { type: 'timestamptz' },
    expiresAt: { type: 'timestamptz', nullable: true },
    createdAt: { type: 'timestamptz', createDate: true },
    updatedAt: { type: 'timestamptz', updateDate: true },
  },
});
