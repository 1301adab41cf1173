import { newId } from '../../src/base/ids.ts';
import { rows } from '../../src/data/database.ts';
import { createMemoryFeed } from '../../src/feed/memory.ts';
import { adminRoutes } from '../../src/http/routes/admin.ts';
import { modelRoutes } from '../../src/http/routes/models.ts';
import type { ListedModel, Provider } from '../../src/providers/provider.ts';
import { createAccessTokens } from '../../src/services/access-tokens.ts';
import { createAuditLog } from '../../src/services/audit-log.ts';
import { createCatalogue } from '../../src/services/catalogue.ts';
import { createGenerationLog } from '../../src/services/generation-log.ts';
import { createModels } from '../../src/services/models.ts';
import { createSyncModels } from '../../src/services/sync-models.ts';
import type { TestDatabase } from './database.ts';
import { silentLog as log } from './global.ts';
import { startTestApp, TEST_JWT_SECRET } from './http-app.ts';
import { RestClient } from './rest-client.ts';

/** A provider that lists what the test says, and writes nothing. */
export interface ListingProvider extends Provider {
  /** What it does when it is asked for its models. */
  lists: (signal: AbortSignal) => Promise<ListedModel[]>;
  /** How often it was asked. */
  asked: number;
}

/** Makes one that lists nothing yet. */
export function createListingProvider(name: string): ListingProvider {
  const provider: ListingProvider = {
    name,
    asked: 0,
    lists: async () => [],
    // biome-ignore lint/correctness/useYield: it has nothing to say.
    async *stream() {
      throw new Error('nobody asks it for text');
    },
    listModels(signal) {
      provider.asked += 1;
      return provider.lists(signal);
    },
  };
  return provider;
}

/** The catalogue over HTTP, as one process of several on a database has it. */
export type ModelWorld = Awaited<ReturnType<typeof startModelWorld>>;

/** What a world is made of. */
export interface ModelWorldShape {
  /** All that are served. */
  providers: Provider[];
  /** Longest that a list may take. */
  timeoutMs?: number;
  /** Fingerprints of base URLs. */
  endpoints?: Record<string, string>;
  env?: Record<string, string>;
}

/** Starts it. The database stays open when it is closed. */
export async function startModelWorld(database: TestDatabase, shape: ModelWorldShape) {
  const { providers, timeoutMs = 2_000, endpoints = {}, env = {} } = shape;
  const feed = createMemoryFeed();
  const served = providers.map(({ name }) => name);
  const catalogue = createCatalogue({ database, control: feed.control, log, served });
  await catalogue.start();
  /** A second process that is told over the same bus. */
  const elsewhere = createCatalogue({ database, control: feed.control, log, served });
  await elsewhere.start();
  const sync = createSyncModels({ database, catalogue, providers, endpoints, log, timeoutMs });
  const app = await startTestApp({
    database,
    env,
    routes: [
      modelRoutes({ models: createModels({ database, catalogue, served }), syncModels: sync }),
      adminRoutes({
        generations: createGenerationLog({ database, inrPerUsd: 88 }),
        auditLog: createAuditLog(database),
      }),
    ],
  });
  const accessTokens = createAccessTokens({ secret: TEST_JWT_SECRET, minutes: 15 });

  return {
    app,
    sync,
    catalogue,
    elsewhere,
    /** A new account with a role. Its token says `user` all the same: the account decides. */
    async signUp(role = 'user'): Promise<RestClient> {
      const userId = newId();
      await rows(database.db, 'INSERT INTO users (id, email, role) VALUES ($1::uuid, $1::text, $2)', [
        userId,
        role,
      ]);
      const { token } = accessTokens.issue({ id: userId, role: 'user' }, newId());
      return new RestClient({ url: app.url, userId, token });
    },
    async close(): Promise<void> {
      await app.close();
      await catalogue.stop();
      await elsewhere.stop();
      await feed.close();
    },
  };
}
