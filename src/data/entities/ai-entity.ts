import type { AiRelation } from '../../contracts/routes/ai-entities.ts';

/** A record of a host application, of which enhancements can be told. Unique by owner, type and id. */
export interface AiEntityRecord {
  userId: string;
  type: string;
  id: string;
  title: string;
  data: Record<string, unknown>;
  relations: AiRelation[];
  createdAt: Date;
  updatedAt: Date;
}
