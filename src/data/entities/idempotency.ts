import { EntitySchema } from 'typeorm';

/** The first answer to a request that may be repeated. */
export interface IdempotencyRecord {
  userId: string;
  /** What the client chose, with its scope before it. */
  key: string;
  /** SHA-256 of the request: the same key with another request is refused. */
  fingerprint: Buffer;
  answer: unknown;
  createdAt: Date;
}

export const IdempotencyEntity = new EntitySchema<IdempotencyRecord>({
  name: 'Idempotency',
  tableName: 'idempotency_keys',
  columns: {
    userId: { type: 'uuid', primary: true },
    key: { type: 'text', primary: true },
    fingerprint: { type: 'bytea' },
    answer: { type: 'json' },
    createdAt: { type: 'timestamptz' },
  },
});
