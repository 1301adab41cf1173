import { newId } from '../base/ids.ts';
import type { Logger } from '../base/logger.ts';
import type { Database } from '../data/database.ts';
import { insertTitle } from '../data/repositories/titles.ts';
import type { GenerationQueue } from '../queue/generation-queue.ts';
import { findNamed, type TitleModel } from './default-model.ts';
import type { ModelDirectory } from './model-directory.ts';

/**
 * Has a model name a session, once its first reply is there. The house pays: nobody asked for it. Never throws: a session
 * that gets no title keeps its first words. There is one try; what could not be stored is tried again with the next reply.
 */
export type PlanTitle = (session: { userId: string; sessionId: string }) => Promise<void>;

/** What planning needs. */
export interface PlanTitleDeps {
  database: Database;
  queue: GenerationQueue;
  models: Pick<ModelDirectory, 'resolve'>;
  titleModel: TitleModel;
  log: Logger;
}

/** Most output tokens of a title: more than it has, as some models think first. */
const MAX_TOKENS = 1_000;

/** Makes the verb. */
export function createPlanTitle({ database, queue, models, titleModel, log }: PlanTitleDeps): PlanTitle {
  return async ({ userId, sessionId }) => {
    const named = titleModel();
    const model = named === undefined ? undefined : findNamed(models, named);
    if (!model) return;
    try {
      const price = { ...model.price, creditsPer100Tokens: '0' };
      const settings = { maxTokens: MAX_TOKENS };
      const title = { id: newId(), userId, sessionId, model: model.id, settings, price };
      if (await insertTitle(database.db, title)) await queue.enqueue(title.id);
    } catch (error) {
      log.warn({ err: error, sessionId }, 'a title was not queued');
    }
  };
}
