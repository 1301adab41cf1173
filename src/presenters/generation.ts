import type { Generation } from '../contracts/routes/admin-generations.ts';
import type { GenerationEntry } from '../data/repositories/generation-log.ts';
import { presentOutcome } from './outcome.ts';

/** A generation for who runs the server, in the shape of the contract. */
export function presentGeneration(entry: GenerationEntry, inrPerUsd: number): Generation {
  const { id, kind, userId, sessionId, messageId, model, status, attempt, tries, omittedParameters } = entry;
  return {
    id,
    kind,
    userId,
    sessionId,
    messageId,
    model,
    status,
    attempt,
    tries,
    omittedParameters,
    ...presentOutcome(entry, inrPerUsd),
    createdAt: entry.createdAt.toISOString(),
    completedAt: entry.completedAt?.toISOString() ?? null,
  };
}
