import { RESELLERS } from '../base/config-models.ts';
import { AppError } from '../base/errors.ts';
import type { ModelParameter, ModelTier } from '../contracts/model.ts';
import type { ModelPrice } from '../data/entities/generation.ts';
import { membersOfFamily, newestMember } from './model-families.ts';

/** A model as the pipeline needs it. */
export interface Model {
  /** `provider/name`; `echo` for the offline one. */
  id: string;
  /** The provider that serves it. */
  provider: string;
  /** The provider's own name of it. */
  name: string;
  /** For people. */
  title: string;
  tier: ModelTier;
  /** Most tokens of prompt and reply together; null: not known. */
  contextLength: number | null;
  /** Most tokens of a reply; null: not known. */
  maxOutputTokens: number | null;
  /** The settings that it takes. */
  parameters: ModelParameter[];
  price: ModelPrice;
  /** Neither switched off by an admin nor gone at its provider. */
  enabled: boolean;
  /** Gone at its provider. */
  vanished: boolean;
}

/** Which models there are, as this process knows it: in memory, so that asking costs nothing. */
export interface ModelDirectory {
  /** The model of a full id, if it can be asked: enabled, and of a provider that is served here. */
  find(id: string): Model | undefined;
  /** A model of a provider, and of a tier where one is named, that can be asked: the first one by its id. */
  anyOf(provider: string, tier?: ModelTier): Model | undefined;
  /**
   * As `find`, for an id that another process admitted: what is not found is looked for once more in the catalogue as it
   * is now.
   */
  findAdmitted(id: string): Promise<Model | undefined>;
  /** Every model that an id may mean, full or a bare name, whether or not it can be asked. */
  candidates(id: string): readonly Model[];
  /**
   * The model of an id that can be asked: `provider/name`, or a bare name where it is unambiguous; the name of a family
   * (`gemini-flash`) is its newest member.
   *
   * @param path where the id stood in the request, as in `body.model`
   * @throws {AppError} `model_not_available`, saying why not
   */
  resolve(id: string, path: string): Model;
}

/** A directory that can be given another catalogue. */
export interface MutableModelDirectory extends ModelDirectory {
  /** From now on these are all models that there are. */
  replace(models: readonly Model[]): void;
}

/** The offline model, whose provider has no other. */
const ECHO = 'echo';
/** Most candidates that a refusal names. */
const MAX_NAMED = 5;

/**
 * A directory of models.
 *
 * @param served names of the providers that this server can ask
 * @param refresh gives it the catalogue as it is now
 */
export function createModelDirectory(
  served: readonly string[],
  models: readonly Model[] = [],
  refresh: () => Promise<void> = async () => {},
): MutableModelDirectory {
  let byId = new Map<string, Model>();
  let byBareName = new Map<string, Model[]>();

  const canBeAsked = (model: Model): boolean => model.enabled && served.includes(model.provider);

  function replace(all: readonly Model[]): void {
    byId = new Map(all.map((model) => [model.id, model]));
    byBareName = new Map();
    for (const model of all) {
      for (const name of bareNamesOf(model)) {
        const others = byBareName.get(name);
        if (others) others.push(model);
        else byBareName.set(name, [model]);
      }
    }
  }

  function lookUp(id: string): Model[] {
    const exact = byId.get(id === `${ECHO}/${ECHO}` ? ECHO : id);
    if (exact) return [exact];
    const named = byBareName.get(id);
    if (named) return preferred(named);
    const newest = newestMember(id, preferred(membersOfFamily(id, byId.values())));
    return newest ? [newest] : [];
  }

  /** What can be asked before what cannot, and what its maker serves before what others do. */
  function preferred(models: Model[]): Model[] {
    const usable = models.filter(canBeAsked);
    const candidates = usable.length > 0 ? usable : models;
    const own = candidates.filter(({ provider }) => !RESELLERS.includes(provider));
    return own.length > 0 ? own : candidates;
  }

  function find(id: string): Model | undefined {
    const model = byId.get(id);
    return model && canBeAsked(model) ? model : undefined;
  }

  replace(models);
  return {
    replace,
    find,
    anyOf(provider, tier) {
      const wanted = (model: Model) => model.provider === provider && (!tier || model.tier === tier);
      const ids = [...byId.values()]
        .filter((model) => wanted(model) && canBeAsked(model))
        .map(({ id }) => id);
      return byId.get(ids.sort()[0] ?? '');
    },
    async findAdmitted(id) {
      const model = find(id);
      if (model) return model;
      await refresh();
      return find(id);
    },
    candidates: lookUp,
    resolve(id, path) {
      const candidates = lookUp(id);
      const [model] = candidates;
      if (!model) throw refusal(path, id, 'is not a model of this server; GET /models lists what there is');
      if (candidates.length > 1 && candidates.some(canBeAsked))
        throw refusal(path, id, ambiguous(candidates));
      if (canBeAsked(model)) return model;
      throw refusal(path, id, whyNot(model));
    },
  };
}

/** `gpt-4.1` for OpenAI's own; also for `openai/gpt-4.1` of a reseller, which has that as its name. */
function bareNamesOf({ name }: Model): string[] {
  const last = name.slice(name.lastIndexOf('/') + 1);
  return last === name ? [name] : [name, last];
}

function ambiguous(candidates: Model[]): string {
  const ids = candidates.map(({ id }) => id);
  const more = ids.length > MAX_NAMED ? `, and ${ids.length - MAX_NAMED} more` : '';
  return `may be one of several; name one of them: ${ids.slice(0, MAX_NAMED).join(', ')}${more}`;
}

function whyNot({ provider, vanished, enabled }: Model): string {
  if (vanished) return 'is not offered by its provider any more';
  if (!enabled) return 'is switched off on this server';
  return `belongs to ${provider}, for which this server has no key`;
}

function refusal(path: string, id: string, why: string): AppError {
  return new AppError('model_not_available', `${path}: "${id}" ${why}.`, {
    errors: [{ path, message: why }],
  });
}
