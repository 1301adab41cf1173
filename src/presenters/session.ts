import type { Session } from '../contracts/session.ts';
import type { SessionRecord } from '../data/entities/session.ts';
import { presentCost } from './cost.ts';

/** A session in the shape of the contract. `inrPerUsd`: rupees per US dollar. */
export function presentSession(session: SessionRecord, inrPerUsd: number): Session {
  return {
    id: session.id,
    kind: session.kind,
    title: session.title,
    groupId: session.groupId,
    model: session.model,
    settings: session.settings,
    isFavorite: session.isFavorite,
    totals: {
      messages: session.messageCount,
      tokens: session.totalTokens,
      cost: presentCost(session.totalCostUsd, inrPerUsd),
      credits: Number(session.totalCredits),
    },
    lastActivityAt: session.lastActivityAt.toISOString(),
    expiresAt: session.expiresAt?.toISOString() ?? null,
    createdAt: session.createdAt.toISOString(),
    updatedAt: session.updatedAt.toISOString(),
  };
}
