import { EntitySchema } from 'typeorm';

/** One sign-in on one device: every refresh token that came of it, and the `fam` claim of its access tokens. */
export interface RefreshFamilyRecord {
  id: string;
  userId: string;
  userAgent: string | null;
  createdAt: Date;
  lastUsedAt: Date;
  /** Set once; then no token of the family is good any more. */
  revokedAt: Date | null;
}

export const RefreshFamilyEntity = new EntitySchema<RefreshFamilyRecord>({
  name: 'RefreshFamily',
  tableName: 'refresh_families',
  columns: {
    id: { type: 'uuid', primary: true },
    userId: { type: 'uuid' },
    userAgent: { type: 'text', nullable: true },
    createdAt: { type: 'timestamptz', createDate: true },
    lastUsedAt: { type: 'timestamptz' },
    revokedAt: { type: 'timestamptz', nullable: true },
  },
});

/** A refresh token, good for one use. The token itself is never stored. */
export interface RefreshTokenRecord {
  id: string;
  familyId: string;
  /** SHA-256 of the token. */
  tokenHash: Buffer;
  createdAt: Date;
  expiresAt: Date;
  /** When it was traded for its successor. */
  usedAt: Date | null;
}

export const RefreshTokenEntity = new EntitySchema<RefreshTokenRecord>({
  name: 'RefreshToken',
  tableName: 'refresh_tokens',
  columns: {
    id: { type: 'uuid', primary: true },
    familyId: { type: 'uuid' },
    tokenHash: { type: 'bytea' },
    createdAt: { type: 'timestamptz', createDate: true },
    expiresAt: { type: 'timestamptz' },
    usedAt: { type: 'timestamptz', nullable: true },
  },
});
