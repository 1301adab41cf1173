import type { Page } from '../base/page.ts';
import { pageById } from '../base/page-by-id.ts';
import type { Generation, ListGenerationsQuery } from '../contracts/routes/admin-generations.ts';
import type { Database } from '../data/database.ts';
import { listGenerationLog } from '../data/repositories/generation-log.ts';
import { presentGeneration } from '../presenters/generation.ts';

/** How everybody's generations went, for who runs the server. */
export interface GenerationLog {
  /** @throws {AppError} `validation_failed` for a bad cursor */
  list(query: ListGenerationsQuery): Promise<Page<Generation>>;
}

/** Makes the list. */
export function createGenerationLog({
  database,
  inrPerUsd,
}: {
  database: Pick<Database, 'db'>;
  inrPerUsd: number;
}): GenerationLog {
  return {
    list: ({ status, ...query }) =>
      pageById(
        query,
        (page) => listGenerationLog(database.db, { status, ...page }),
        (entry) => presentGeneration(entry, inrPerUsd),
      ),
  };
}
