import { EntitySchema } from 'typeorm';

/** An account. */
export interface UserRecord {
  id: string;
  /** As it was typed; unique whatever its case. */
  email: string;
  name: string | null;
  /** argon2id, PHC string; null for accounts without a password. */
  passwordHash: string | null;
  role: string;
  /** Google's id of the account that signs in to this one; null: none does. */
  googleId: string | null;
  emailVerifiedAt: Date | null;
  /** A deactivated account is refused everywhere. */
  isActive: boolean;
  /** How often somebody has signed in, by registering, with the password, with Google or by a reset. */
  loginCount: number;
  lastLoginAt: Date | null;
  createdAt: Date;
  updatedAt: Date;
}

export const UserEntity = new EntitySchema<UserRecord>({
  name: 'User',
  tableName: 'users',
  columns: {
    id: { type: 'uuid', primary: true },
    email: { type: 'text' },
    name: { type: 'text', nullable: true },
    passwordHash: { type: 'text', nullable: true },
    role: { type: 'text' },
    googleId: { type: 'text', nullable: true },
    emailVerifiedAt: { type: 'timestamptz', nullable: true },
    isActive: { type: 'boolean', default: true },
    loginCount: { type: 'integer', default: 0 },
    lastLoginAt: { type: 'timestamptz', nullable: true },
    createdAt: { type: 'timestamptz', createDate: true },
    updatedAt: { type: 'timestamptz', updateDate: true },
  },
});
