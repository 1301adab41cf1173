import type { ContextOption } from '../../../contracts/enhancement.ts';
import type { AiEntityRecord } from '../../../data/entities/ai-entity.ts';
import { nameOf } from '../entity-circle.ts';
import type { ContextPiece } from './piece.ts';
import { renderData } from './render-data.ts';

/** Longest line of a record. */
const MAX_LINE_UNITS = 1_000;

/** A record as it is told. `relation`: what it is to the text or to another record; `omit`: a field that is not told. */
export function entityPiece(
  entity: AiEntityRecord,
  { option, relation, omit }: { option: ContextOption; relation: string; omit?: string | undefined },
): ContextPiece {
  return {
    option,
    source: nameOf(entity),
    heading: `${entity.type} "${entity.title}" (${relation}):`,
    text: renderData(entity.data, omit),
    maxLineUnits: MAX_LINE_UNITS,
  };
}
