import type { LedgerEntry } from '../contracts/routes/ledger.ts';
import type { LedgerEntryView } from '../data/repositories/ledger.ts';

/** A movement of credits, in the shape of the contract: nothing of who made it. */
export function presentLedgerEntry(entry: LedgerEntryView): LedgerEntry {
  const { id, kind, amount, balanceAfter, generationId, model, reason, createdAt } = entry;
  return {
    id,
    kind,
    amount: Number(amount),
    balanceAfter: Number(balanceAfter),
    generationId,
    model,
    reason,
    createdAt: createdAt.toISOString(),
  };
}
