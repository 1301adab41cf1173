/** Of a generation that has not ended: it waits for a worker, or is being written. Partial indexes know it by these words. */
export const OPEN = `status IN ('queued', 'streaming')`;
