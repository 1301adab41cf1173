import { AppError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { ModelSync, ProviderSync } from '../contracts/routes/models.ts';
import type { Database } from '../data/database.ts';
import { createFindShipped, type FindShipped, loadModelSnapshot } from '../data/model-snapshot.ts';
import { listCatalogueStates } from '../data/repositories/catalogue-state.ts';
import { withTryLock } from '../data/try-lock.ts';
import { type ListedModel, type Provider, ProviderError } from '../providers/provider.ts';
import { type Actor, audit } from './audit.ts';
import type { Catalogue } from './catalogue.ts';
import { isUsableName } from './synced-facts.ts';
import { takeOverModels } from './take-over-models.ts';

/** Takes the providers' own lists over into the catalogue. One run at a time, on whichever process. */
export interface SyncModels {
  /**
   * Asks every provider that is served here. One that fails, or lists nothing, changes nothing and stops no other.
   * What `actor` thereby takes over is written down, provider by provider.
   *
   * @throws {AppError} `conflict` while another run goes on
   */
  syncAll(actor?: Actor): Promise<ModelSync>;
  /**
   * Asks those that were not asked for `maxAgeMs`, or whose base URL is another one since. Does nothing while another
   * run goes on. `signal` ends the waiting for those that have not answered.
   */
  syncDue(maxAgeMs: number, signal?: AbortSignal): Promise<ProviderSync[]>;
}

/** What {@link createSyncModels} works with. */
export interface SyncModelsDeps {
  database: Pick<Database, 'db' | 'dataSource' | 'transaction'>;
  catalogue: Pick<Catalogue, 'changed'>;
  /** The providers that are served here. */
  providers: readonly Provider[];
  /** Fingerprints of base URLs that are not the providers' own. */
  endpoints: Readonly<Record<string, string>>;
  log: Logger;
  /** Longest that a provider may take to list its models. Default 15 s. */
  timeoutMs?: number;
}

const TIMEOUT_MS = 15_000;

/** A provider that can tell what it has. */
type Lister = Required<Provider>;

/** Makes the verb. */
export function createSyncModels(deps: SyncModelsDeps): SyncModels {
  const { database, catalogue, providers, endpoints, log, timeoutMs = TIMEOUT_MS } = deps;
  const listers = providers.filter((each): each is Lister => each.listModels !== undefined);
  const endpointOf = (provider: Provider): string | null => endpoints[provider.name] ?? null;

  async function run(
    chosen: Lister[],
    { signal, actor }: { signal?: AbortSignal | undefined; actor?: Actor | undefined },
  ): Promise<ProviderSync[]> {
    if (chosen.length === 0) return [];
    const findShipped = createFindShipped(await loadModelSnapshot());
    const results = await Promise.all(
      chosen.map((provider) => syncOne(provider, { findShipped, signal, actor })),
    );
    if (results.some(({ status }) => status === 'synced')) await catalogue.changed();
    log.info({ providers: results }, 'models synced');
    return results;
  }

  async function syncOne(
    provider: Lister,
    {
      findShipped,
      signal,
      actor,
    }: { findShipped: FindShipped; signal: AbortSignal | undefined; actor: Actor | undefined },
  ): Promise<ProviderSync> {
    const none = { provider: provider.name, listed: 0, added: 0, updated: 0, vanished: 0 };
    try {
      const listed = (await listInTime(provider, timeoutMs, signal)).filter(({ name }) => isUsableName(name));
      if (listed.length === 0) return { ...none, status: 'empty' };
      const list = { provider: provider.name, listed, endpoint: endpointOf(provider) };
      const taken = await takeOverModels(database, list, {
        findShipped,
        // Also where nothing differs: the list itself was replaced, and its age.
        done: (db, details) =>
          actor &&
          audit(db, actor, {
            action: 'models.sync',
            targetType: 'provider',
            targetId: provider.name,
            details: { listed: listed.length, ...details },
          }),
      });
      return { ...none, status: 'synced', listed: listed.length, ...taken };
    } catch (error) {
      log.warn({ err: error, provider: provider.name }, 'failed to sync the models of a provider');
      return { ...none, status: 'failed', error: wordsOf(error) };
    }
  }

  /** Those whose list is too old, or from another place. */
  async function due(maxAgeMs: number): Promise<Lister[]> {
    const states = new Map((await listCatalogueStates(database.db)).map((state) => [state.provider, state]));
    return listers.filter((provider) => {
      const state = states.get(provider.name);
      if (!state?.syncedAt || state.endpoint !== endpointOf(provider)) return true;
      return Date.now() - state.syncedAt.getTime() >= maxAgeMs;
    });
  }

  return {
    async syncAll(actor) {
      const startedAt = new Date().toISOString();
      const ran = await withTryLock(database, 'syncModels', () => run(listers, { actor }));
      if (ran.locked) return { startedAt, providers: ran.result };
      throw new AppError('conflict', 'The models are being synced already. Ask again in a moment.');
    },
    async syncDue(maxAgeMs, signal) {
      const ran = await withTryLock(database, 'syncModels', async () => run(await due(maxAgeMs), { signal }));
      return ran.locked ? ran.result : [];
    },
  };
}

/** Also of a provider that does not heed its signal. */
async function listInTime(
  provider: Lister,
  timeoutMs: number,
  stop: AbortSignal | undefined,
): Promise<ListedModel[]> {
  const abort = new AbortController();
  let giveUp: (why: string) => void = () => {};
  const givenUp = new Promise<never>((_resolve, reject) => {
    giveUp = (why) => reject(new ProviderError('timeout', why));
  });
  const timer = setTimeout(() => giveUp(`No list of models within ${timeoutMs} ms.`), timeoutMs);
  const onStop = () => giveUp('The server is stopping.');
  stop?.addEventListener('abort', onStop);
  if (stop?.aborted) onStop();
  try {
    return await Promise.race([provider.listModels(abort.signal), givenUp]);
  } finally {
    clearTimeout(timer);
    stop?.removeEventListener('abort', onStop);
    abort.abort();
  }
}

/** For the admin who asked. A failure of ours stays in the log. */
function wordsOf(error: unknown): string {
  return error instanceof ProviderError ? `${error.code}: ${error.message}` : 'internal: see the log';
}
