import { EntitySchema } from 'typeorm';
import type { Scope } from '../../contracts/permissions.ts';

/** A key that a program signs in with, for its owner. The key itself is never stored. */
export interface ApiKeyRecord {
  id: string;
  userId: string;
  name: string;
  /** How the key begins, for people to tell it from others. */
  prefix: string;
  /** SHA-256 of the key. */
  keyHash: Buffer;
  scopes: Scope[];
  createdAt: Date;
  /** Null: never. */
  expiresAt: Date | null;
  /** To the minute; null: not yet. */
  lastUsedAt: Date | null;
  /** Set once; then it is good no more. */
  revokedAt: Date | null;
}

export const ApiKeyEntity = new EntitySchema<ApiKeyRecord>({
  name: 'ApiKey',
  tableName: 'api_keys',
  columns: {
    id: { type: 'uuid', primary: true },
    userId: { type: 'uuid' },
    name: { type: 'text' },
    prefix: { type: 'text' },
    keyHash: { type: 'bytea' },
    scopes: { type: 'jsonb' },
    createdAt: { type: 'timestamptz', createDate: true },
    expiresAt: { type: 'timestamptz', nullable: true },
    lastUsedAt: { type: 'timestamptz', nullable: true },
    revokedAt: { type: 'timestamptz', nullable: true },
  },
});
