import { asCount } from './count-usage.ts';
import { type ListedModel, ProviderError } from './provider.ts';

/** An object of a provider's list; nothing of it is trusted. */
export type Entry = Readonly<Record<string, unknown>>;

/** A listing: how it is asked for, and how a failure of it is classified. */
export interface Listing {
  ask: () => Promise<ListedModel[]>;
  classify: (error: unknown) => ProviderError;
  signal: AbortSignal;
}

/** Asks for a list. Names that came twice are in it once. Whatever fails is thrown as a {@link ProviderError}. */
export async function listSafely({ ask, classify, signal }: Listing): Promise<ListedModel[]> {
  try {
    signal.throwIfAborted();
    const models = await ask();
    return [...new Map(models.map((model) => [model.name, model])).values()];
  } catch (error) {
    if (signal.aborted) throw new ProviderError('timeout', 'The provider did not list its models in time.');
    throw error instanceof SyntaxError ? noList() : classify(error);
  }
}

/**
 * The objects of a list's answer.
 *
 * @throws {ProviderError} when it has none: what is not a list must never pass for an empty one
 */
export function entriesOf(body: unknown, key = 'data'): Entry[] {
  const list = asEntry(body)[key];
  if (!Array.isArray(list)) throw noList();
  return list.filter((item) => typeof item === 'object' && item !== null) as Entry[];
}

/** The object, or an empty one. */
export function asEntry(value: unknown): Entry {
  return typeof value === 'object' && value !== null ? (value as Entry) : {};
}

/** The strings of a list; none if it is no list. */
export function asStrings(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}

/** A name or title that can be stored and shown in one line. */
export function asText(value: unknown): string | undefined {
  const fits = typeof value === 'string' && /^[^\p{C}]{1,200}$/u.test(value) && value.trim() !== '';
  return fits ? value.trim() : undefined;
}

/** A number of tokens that can be a limit. */
export function asLimit(value: unknown): number | undefined {
  return asCount(value) || undefined;
}

/** A listed model; the fields that are undefined are left out. */
export function listed({ name, ...fields }: { name: string } & Partial<Told>): ListedModel {
  const known = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.assign({ name }, Object.fromEntries(known));
}

/** Those that are there, in order. */
export function present<T>(...found: [T, boolean][]): T[] {
  return found.flatMap(([value, isThere]) => (isThere ? value : []));
}

type Told = { [Key in Exclude<keyof ListedModel, 'name'>]: ListedModel[Key] | undefined };

function noList(): ProviderError {
  return new ProviderError(
    'provider_failed',
    'The provider answered with something that is no list of models.',
  );
}
