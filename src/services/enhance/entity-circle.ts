/** A record, by its type and its id. */
export interface EntityName {
  type: string;
  id: string;
}

/** A record, and what it points to. */
export interface EntityEdges extends EntityName {
  relations: readonly EntityName[];
}

/** `opportunity/1`. */
export const nameOf = ({ type, id }: EntityName): string => `${type}/${id}`;

/**
 * The shortest circle that a relation would close: from a record over the relation back to it. Undefined when it closes
 * none.
 *
 * @param reached at least every record on the way, with what it points to
 */
export function findCircle(
  from: EntityName,
  relation: EntityName,
  reached: readonly EntityEdges[],
): EntityName[] | undefined {
  const home = nameOf(from);
  const edges = new Map(reached.map((entity) => [nameOf(entity), entity.relations]));
  /** From where each record was reached first. */
  const cameFrom = new Map<string, EntityName>([[nameOf(relation), from]]);
  const queue = [relation];
  for (let at = queue.shift(); at; at = queue.shift()) {
    if (nameOf(at) === home) return wayTo(at, from, cameFrom);
    for (const next of edges.get(nameOf(at)) ?? []) {
      if (cameFrom.has(nameOf(next))) continue;
      cameFrom.set(nameOf(next), at);
      queue.push(next);
    }
  }
  return undefined;
}

function wayTo(end: EntityName, from: EntityName, cameFrom: Map<string, EntityName>): EntityName[] {
  const way = [end];
  for (let at = cameFrom.get(nameOf(end)); at; at = cameFrom.get(nameOf(at))) {
    way.unshift(at);
    if (at === from) break;
  }
  return way;
}

/** Most records of a circle that are named. */
const SHOWN = 8;

/** `opportunity/1 -> note/2 -> opportunity/1`; of a long one its beginning and its end. */
export function circleInWords(circle: readonly EntityName[]): string {
  const names = circle.map(nameOf);
  const left = names.length - SHOWN;
  const shown = left > 0 ? [...names.slice(0, SHOWN - 2), `… (${left} more)`, ...names.slice(-2)] : names;
  return shown.join(' -> ');
}
