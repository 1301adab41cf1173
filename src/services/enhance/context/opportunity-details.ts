import type { Db } from '../../../data/database.ts';
import { nameOf } from '../entity-circle.ts';
import { entityPiece } from './entity-piece.ts';
import { walkEntities } from './entity-walk.ts';
import { findContextEntity } from './find-entity.ts';
import type { Assembler } from './piece.ts';

const option = 'opportunity_details';

/** The record that the text stands in and, where that is no opportunity, the nearest one that it leads to. */
export const opportunityDetails = (db: Db): Assembler =>
  async function* ({ userId, context, told }) {
    const entity = await findContextEntity(db, userId, context);
    told.add(nameOf(entity));
    yield entityPiece(entity, { option, relation: 'the text stands in it', omit: context.fieldId });
    if (entity.type === 'opportunity') return;
    for await (const reached of walkEntities(db, entity)) {
      if (reached.entity.type !== 'opportunity') continue;
      told.add(nameOf(reached.entity));
      yield entityPiece(reached.entity, { option, relation: `${reached.label} of ${reached.from}` });
      return;
    }
  };
