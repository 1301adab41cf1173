import { EntitySchema } from 'typeorm';
import type { LedgerKind } from '../../contracts/routes/ledger.ts';

/** One movement of credits. Rows are only ever added; a user's balance is their sum. */
export interface LedgerEntryRecord {
  id: string;
  userId: string;
  kind: LedgerKind;
  /** Credits, a decimal string; negative takes away. */
  amount: string;
  /** What was charged, or refunded: at most one of either per generation. */
  generationId: string | null;
  reason: string | null;
  /** The sum of the user's entries up to this one, in the order of `seq`. A decimal string. */
  balanceAfter: string;
  /** The admin who made it; null for what the server did. */
  createdBy: string | null;
  /**
   * Where it stands among the user's entries: given under the lock of the account, so that entries also become visible in
   * this order. Ids are made before that lock is had. A decimal string.
   */
  seq: string;
  createdAt: Date;
}

export const LedgerEntryEntity = new EntitySchema<LedgerEntryRecord>({
  name: 'LedgerEntry',
  tableName: 'ledger_entries',
  columns: {
    id: { type: 'uuid', primary: true },
    userId: { type: 'uuid' },
    kind: { type: 'text' },
    amount: { type: 'numeric' },
    generationId: { type: 'uuid', nullable: true },
    reason: { type: 'text', nullable: true },
    balanceAfter: { type: 'numeric' },
    createdBy: { type: 'uuid', nullable: true },
    seq: { type: 'bigint', generated: 'increment' },
    createdAt: { type: 'timestamptz' },
  },
});

/** The sum of a user's ledger, kept beside it in the same transaction so that it need not be added up. */
export interface AccountRecord {
  userId: string;
  /** Credits, a decimal string. */
  balance: string;
  /** Credits set aside for what is open: the sum of the holds of open generations. A decimal string. */
  held: string;
}

export const AccountEntity = new EntitySchema<AccountRecord>({
  name: 'Account',
  tableName: 'accounts',
  columns: {
    userId: { type: 'uuid', primary: true },
    balance: { type: 'numeric' },
    held: { type: 'numeric' },
  },
});
