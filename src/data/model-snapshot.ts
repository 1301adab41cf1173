import type { ShippedFacts } from './entities/model.ts';

/** Which names are one model's, as `@pydantic/genai-prices` has it: its dated versions, and other aliases. */
export type NameMatch =
  | { equals: string }
  | { starts_with: string }
  | { ends_with: string }
  | { contains: string }
  | { regex: string }
  | { or: NameMatch[] }
  | { and: NameMatch[] };

/** A model of the shipped catalogue. */
export type ShippedModel = ShippedFacts & {
  provider: string;
  name: string;
  /** Left out: its name alone. */
  match?: NameMatch;
};

/** The catalogue that is shipped, made by `npm run models:snapshot`. */
export interface ModelSnapshot {
  /** Its day, as in `2026-11-20`. */
  date: string;
  /** The package and version that it is from. */
  source: string;
  models: ShippedModel[];
}

/** The id of a model. */
export const modelId = (provider: string, name: string): string =>
  provider === 'echo' ? provider : `${provider}/${name}`;

/** Reads the snapshot; a file of its own that is loaded only where it is needed. */
export async function loadModelSnapshot(): Promise<ModelSnapshot> {
  const { default: file } = await import('./model-snapshot.json', { with: { type: 'json' } });
  return file as unknown as ModelSnapshot;
}

/** What a snapshot has of a model. */
export interface Shipped {
  /** The id of the model in the snapshot: that of the model itself, or of the one that it is a version or alias of. */
  base: string;
  facts: ShippedFacts;
}

/** Finds what a snapshot has of a model: by its name, or as a version or alias of one that it has. */
export type FindShipped = (provider: string, name: string) => Shipped | undefined;

/** Makes the search of a snapshot. */
export function createFindShipped({ models }: Pick<ModelSnapshot, 'models'>): FindShipped {
  const byId = new Map(models.map((model) => [modelId(model.provider, model.name), model]));
  const withMatch = models.filter(({ match }) => match !== undefined);
  return (provider, name) => {
    const id = modelId(provider, name);
    const exact = byId.get(id);
    if (exact) return { base: id, facts: factsOf(exact) };
    const base = withMatch.find(
      (model) => model.provider === provider && model.match && matches(model.match, name),
    );
    return base && { base: modelId(provider, base.name), facts: { ...factsOf(base), title: name } };
  };
}

/** Whether a name is one of those that are meant. */
export function matches(match: NameMatch, name: string): boolean {
  if ('or' in match) return match.or.some((each) => matches(each, name));
  if ('and' in match) return match.and.every((each) => matches(each, name));
  if ('equals' in match) return name === match.equals;
  if ('starts_with' in match) return name.startsWith(match.starts_with);
  if ('ends_with' in match) return name.endsWith(match.ends_with);
  if ('contains' in match) return name.includes(match.contains);
  return new RegExp(match.regex).test(name);
}

function factsOf({ provider: _provider, name: _name, match: _match, ...facts }: ShippedModel): ShippedFacts {
  return facts;
}
