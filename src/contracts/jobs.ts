/** The BullMQ queue of generations. */
export const GENERATION_QUEUE = 'generations';

/** Payload of a generation job; its `jobId` is the generation's id. Ids only: the record is read when it runs. */
export interface GenerationJob {
  generationId: string;
  /** No other job of this generation was added before. */
  isFirst: boolean;
}

/** The BullMQ queue of model syncs. */
export const MODEL_SYNC_QUEUE = 'model-sync';
