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
  emailVerifiedAt: Date | null;
  /** A deactivated account is refused everywhere. */
  isActive: boolean;
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
    emailVerifiedAt: { type: 'timestamptz', nullable: true },
    isActive: { type: 'boolean', default: true },
    createdAt: { type: 'timestamptz', createDate: true },
    updatedAt: { type: 'timestamptz', updateDate: true },
  },
});
