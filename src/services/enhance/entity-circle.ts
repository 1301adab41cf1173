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
 * The shortest circle that each of a record's relations would close: from the record over the relation back to it. Undefined
 * where it closes none. One search answers for all of them, as a record may have many, and the ways home may be long.
 *
 * @param reached at least every record on the ways, with what it points to
 */
export function findCircles(
  from: EntityName,
  relations: readonly EntityName[],
  reached: readonly EntityEdges[],
): (EntityName[] | undefined)[] {
  const ways = waysHome(from, reached);
  return relations.map((relation) => {
    let way = ways.get(nameOf(relation));
    if (!way) return undefined;
    const circle = [from, relation];
    for (way = way.next; way; way = way.next) circle.push(way.at);
    return circle;
  });
}

/** The shortest way from a record home: of several, over the relations that come first. */
interface WayHome {
  at: EntityName;
  /** How many relations it has. */
  steps: number;
  next: WayHome | undefined;
}

/** From each record that leads home. They are searched from there, against the relations. */
function waysHome(home: EntityName, reached: readonly EntityEdges[]): Map<string, WayHome> {
  const sources = sourcesOf(reached);
  const ways = new Map<string, WayHome>([[nameOf(home), { at: home, steps: 0, next: undefined }]]);
  // The map is the queue as well: what is put into it while it is walked is walked, too, in that order.
  for (const [target, { steps }] of ways) {
    for (const source of sources.get(target) ?? []) {
      if (ways.has(nameOf(source))) continue;
      // All that are as near as the target are known by now.
      const nearer = source.relations.map((relation) => ways.get(nameOf(relation)));
      const next = nearer.find((way) => way?.steps === steps);
      ways.set(nameOf(source), { at: source, steps: steps + 1, next });
    }
  }
  return ways;
}

/** By the name of a record: those that point to it. */
function sourcesOf(reached: readonly EntityEdges[]): Map<string, EntityEdges[]> {
  const sources = new Map<string, EntityEdges[]>();
  for (const entity of reached) {
    for (const relation of entity.relations) {
      const known = sources.get(nameOf(relation));
      if (known) known.push(entity);
      else sources.set(nameOf(relation), [entity]);
    }
  }
  return sources;
}

/** Most records of a circle that are named. */
const SHOWN = 8;

/** `opportunity/1 -> note/2 -> opportunity/1`; of a long one its beginning and its end. */
export function circleInWords(circle: readonly EntityName[]): string {
  const left = circle.length - SHOWN;
  if (left <= 0) return circle.map(nameOf).join(' -> ');
  const [beginning, end] = [circle.slice(0, SHOWN - 2), circle.slice(-2)];
  return [...beginning.map(nameOf), `… (${left} more)`, ...end.map(nameOf)].join(' -> ');
}
