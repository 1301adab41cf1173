import { AppError, notFound } from '../base/errors.ts';
import { invalidInput } from '../base/validation.ts';
import type { AiEntity, AiEntityBody, AiRelation } from '../contracts/routes/ai-entities.ts';
import type { Database, Db } from '../data/database.ts';
import {
  type AiEntityKey,
  deleteAiEntity,
  findAiEntities,
  findWayBack,
  lockAiEntities,
  putAiEntity,
  sumOtherAiEntities,
} from '../data/repositories/ai-entities.ts';
import { presentAiEntity } from '../presenters/ai-entity.ts';
import { circleInWords, findCircles, nameOf } from './enhance/entity-circle.ts';

/** The records that a host registers for one of its users. Somebody else's is `not_found`, like one that is not there. */
export interface AiEntities {
  /**
   * Registers a record, or replaces it.
   *
   * @throws {AppError} `validation_failed`, naming the relations that would close a circle; `conflict` when there is too much
   */
  put(key: AiEntityKey, body: AiEntityBody): Promise<AiEntity>;
  /** @throws {AppError} `not_found` */
  get(key: AiEntityKey): Promise<AiEntity>;
  /** @throws {AppError} `not_found` */
  remove(key: AiEntityKey): Promise<void>;
}

/** Most of a user. */
const MAX_ENTITIES = 10_000;
const MAX_RELATIONS = 50_000;
const MAX_BYTES = 100_000_000;

/** Registered records, on a database. */
export function createAiEntities(database: Pick<Database, 'db' | 'transaction'>): AiEntities {
  return {
    async put(key, body) {
      refuseSelf(key, body.relations);
      return database.transaction(async (db) => {
        // Two that come at once could each close the other's circle.
        await lockAiEntities(db, key.userId);
        await requireSpace(db, key, body.relations);
        await refuseCircles(db, key, body.relations);
        return presentAiEntity(await putAiEntity(db, { ...key, ...body }));
      });
    },
    async get(key) {
      const [found] = await findAiEntities(database.db, key.userId, [key]);
      if (!found) throw notFound('record');
      return presentAiEntity(found);
    },
    async remove(key) {
      if (!(await deleteAiEntity(database.db, key))) throw notFound('record');
    },
  };
}

const pathOf = (index: number): string => `body.relations.${index}`;

function refuseSelf(key: AiEntityKey, relations: AiRelation[]): void {
  const errors = relations.flatMap(({ type, id }, index) =>
    type === key.type && id === key.id
      ? [{ path: pathOf(index), message: `points to the record itself: ${circleInWords([key, key])}` }]
      : [],
  );
  if (errors.length > 0) throw invalidInput(errors);
}

async function refuseCircles(db: Db, key: AiEntityKey, relations: AiRelation[]): Promise<void> {
  if (relations.length === 0) return;
  const reached = await findWayBack(db, key, relations);
  if (reached.length === 0) return;
  const errors = findCircles(key, relations, reached).flatMap((circle, index) =>
    circle ? [{ path: pathOf(index), message: `closes a circle: ${circleInWords(circle)}` }] : [],
  );
  if (errors.length > 0) throw invalidInput(errors);
}

async function requireSpace(db: Db, key: AiEntityKey, relations: AiRelation[]): Promise<void> {
  const others = await sumOtherAiEntities(db, key);
  const refuse = (most: string) => {
    throw new AppError('conflict', `${nameOf(key)} is too much: a user may have at most ${most}.`);
  };
  if (others.entities >= MAX_ENTITIES) refuse(`${MAX_ENTITIES} records`);
  if (others.relations + relations.length > MAX_RELATIONS) refuse(`${MAX_RELATIONS} relations`);
  if (others.bytes >= MAX_BYTES) refuse(`${MAX_BYTES} bytes of data`);
}
