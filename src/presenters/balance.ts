import { Decimal } from 'decimal.js';
import type { BalanceEvent } from '../contracts/events.ts';
import type { AccountRecord } from '../data/entities/ledger.ts';

/** What a user has, in the shape of the contract. */
export function presentBalance({ balance, held }: Pick<AccountRecord, 'balance' | 'held'>): BalanceEvent {
  return {
    balance: Number(balance),
    held: Number(held),
    available: new Decimal(balance).minus(held).toNumber(),
  };
}
