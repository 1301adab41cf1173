import { defineCursor } from '../base/cursor.ts';
import { type Page, pageFrom } from '../base/page.ts';
import { idSchema } from '../contracts/fields.ts';
import type { Generation, ListGenerationsQuery } from '../contracts/routes/admin-generations.ts';
import type { Database } from '../data/database.ts';
import { listGenerationLog } from '../data/repositories/generation-log.ts';
import { presentGeneration } from '../presenters/generation.ts';

/** How everybody's generations went, for who runs the server. */
export interface GenerationLog {
  /** @throws {AppError} `validation_failed` for a bad cursor */
  list(query: ListGenerationsQuery): Promise<Page<Generation>>;
}

const cursors = defineCursor(idSchema);

/** Makes the list. */
export function createGenerationLog({
  database,
  inrPerUsd,
}: {
  database: Pick<Database, 'db'>;
  inrPerUsd: number;
}): GenerationLog {
  return {
    async list({ limit, cursor, status }) {
      const page = { limit: limit + 1, before: cursors.decode(cursor), status };
      return pageFrom(await listGenerationLog(database.db, page), limit, {
        present: (entry) => presentGeneration(entry, inrPerUsd),
        cursorOf: ({ id }) => cursors.encode(id),
      });
    },
  };
}
