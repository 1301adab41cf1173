/** Of a generation that has not ended: it waits for a worker, or is being written. Partial indexes know it by these words. */
export const OPEN = `status IN ('queued', 'streaming')`;

/** Somebody asked to stop it, or nobody waits for it any more. */
export const CANCEL_REQUESTED = '(cancel_requested_at IS NOT NULL OR coalesce(watched_until < now(), false))';

/**
 * Locks what a SELECT of `generations g` finds, before many of them are changed: in one order, so that statements which
 * come at once wait for each other, and not in a circle.
 */
export const IN_ORDER = 'ORDER BY g.id FOR NO KEY UPDATE OF g';
