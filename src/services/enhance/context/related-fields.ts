import type { Db } from '../../../data/database.ts';
import { nameOf } from '../entity-circle.ts';
import { entityPiece } from './entity-piece.ts';
import { walkEntities } from './entity-walk.ts';
import { findContextEntity } from './find-entity.ts';
import type { Assembler } from './piece.ts';

/** The records that the one of the text is related to, nearest first. */
export const relatedFields = (db: Db): Assembler =>
  async function* ({ userId, context, told }) {
    const start = await findContextEntity(db, userId, context);
    for await (const { entity, label, from } of walkEntities(db, start)) {
      const name = nameOf(entity);
      if (told.has(name)) continue;
      told.add(name);
      yield entityPiece(entity, { option: 'related_fields', relation: `${label} of ${from}` });
    }
  };
