import { EntitySchema } from 'typeorm';

/** A link that sets a new password, good for one use. Its token is never stored. */
export interface PasswordResetRecord {
  id: string;
  userId: string;
  /** SHA-256 of the token. */
  tokenHash: Buffer;
  createdAt: Date;
  expiresAt: Date;
  usedAt: Date | null;
}

export const PasswordResetEntity = new EntitySchema<PasswordResetRecord>({
  name: 'PasswordReset',
  tableName: 'password_resets',
  columns: {
    id: { type: 'uuid', primary: true },
    userId: { type: 'uuid' },
    tokenHash: { type: 'bytea' },
    createdAt: { type: 'timestamptz', createDate: true },
    expiresAt: { type: 'timestamptz' },
    usedAt: { type: 'timestamptz', nullable: true },
  },
});
