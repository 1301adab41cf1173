import { EntitySchema } from 'typeorm';

/** What moved a balance. */
export type LedgerKind = 'grant' | 'charge' | 'adjustment' | 'refund';

/** One movement of credits. Rows are only ever added; a user's balance is their sum. */
export interface LedgerEntryRecord {
  id: string;
  userId: string;
  kind: LedgerKind;
  /** Credits, a decimal string; negative takes away. */
  amount: string;
  /** What was charged; at most one charge per generation. */
  generationId: string | null;
  reason: string | null;
  /** The balance with it, a decimal string. */
  balanceAfter: string;
  /** The admin who made it; null for what the server did. */
  createdBy: string | null;
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
