import type { Db } from '../../../data/database.ts';
import type { AiEntityRecord } from '../../../data/entities/ai-entity.ts';
import { findAiEntities } from '../../../data/repositories/ai-entities.ts';
import { type EntityName, nameOf } from '../entity-circle.ts';

/** A record on the way, and what it is to the one before. */
export interface ReachedEntity {
  entity: AiEntityRecord;
  label: string;
  /** `type/id` of the one that points to it. */
  from: string;
}

/** How far is walked, in relations one behind the other, and over how many records. */
const [MAX_STEPS, MAX_RECORDS] = [3, 100];

/** The records that one points to, then those that they point to: breadth first, each once, without the first. */
export async function* walkEntities(db: Db, start: AiEntityRecord): AsyncGenerator<ReachedEntity> {
  const seen = new Set([nameOf(start)]);
  let level = [start];
  for (let step = 0; step < MAX_STEPS && level.length > 0; step += 1) {
    const next = new Map<string, { name: EntityName; label: string; from: string }>();
    for (const entity of level) {
      for (const { type, id, label } of entity.relations) {
        const name = nameOf({ type, id });
        if (seen.has(name) || seen.size > MAX_RECORDS) continue;
        seen.add(name);
        next.set(name, { name: { type, id }, label, from: nameOf(entity) });
      }
    }
    const names = [...next.values()].map(({ name }) => name);
    level = await findAiEntities(db, start.userId, names);
    for (const entity of level) {
      const { label, from } = next.get(nameOf(entity)) as { label: string; from: string };
      yield { entity, label, from };
    }
  }
}
