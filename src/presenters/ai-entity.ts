import type { AiEntity } from '../contracts/routes/ai-entities.ts';
import type { AiEntityRecord } from '../data/entities/ai-entity.ts';

/** A registered record in the shape of the contract. */
export function presentAiEntity(entity: AiEntityRecord): AiEntity {
  const { type, id, title, data, relations, createdAt, updatedAt } = entity;
  return {
    type,
    id,
    title,
    data: data as AiEntity['data'],
    relations,
    createdAt: createdAt.toISOString(),
    updatedAt: updatedAt.toISOString(),
  };
}
