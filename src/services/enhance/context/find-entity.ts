import { AppError } from '../../../base/errors.ts';
import type { EnhanceContext, FieldType } from '../../../contracts/enhancement.ts';
import type { Db } from '../../../data/database.ts';
import type { AiEntityRecord } from '../../../data/entities/ai-entity.ts';
import { findAiEntities } from '../../../data/repositories/ai-entities.ts';

/** Of which type the records are that have fields of a type. */
const ENTITY_TYPES: Readonly<Record<FieldType, string>> = {
  opportunity_description: 'opportunity',
  project_note: 'project',
  table_cell: 'table_row',
  comment: 'comment',
  custom_field: 'opportunity',
};

/**
 * The record that a text stands in: `entityId` is its id, of the type that the field type belongs to, or `type/id`.
 *
 * @throws {AppError} `not_found`, naming `body.context.entityId`
 */
export async function findContextEntity(
  db: Db,
  userId: string,
  { fieldType, entityId = '' }: EnhanceContext,
): Promise<AiEntityRecord> {
  const type = ENTITY_TYPES[fieldType];
  const [, otherType, otherId] = /^([a-z][a-z0-9_]{0,63})\/(.+)$/s.exec(entityId) ?? [];
  const other = otherType === undefined || otherId === undefined ? [] : [{ type: otherType, id: otherId }];
  const [found] = await findAiEntities(db, userId, [{ type, id: entityId }, ...other]);
  if (found) return found;
  const path = 'body.context.entityId';
  const message = `no ${type} with this id is registered (PUT /ai/entities/${type}/…)`;
  throw new AppError('not_found', `${path}: ${message}`, { errors: [{ path, message }] });
}
