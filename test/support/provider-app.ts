import type { TestDatabase } from './database.ts';
import { type ProviderWireServer, startProviderWireServer } from './provider-wire-server.ts';
import { startWholeApp, type WholeApp } from './whole-app.ts';

/** A whole app whose only provider beside the offline one is a local server that speaks the wire of OpenAI. */
export interface ProviderApp {
  app: WholeApp;
  provider: ProviderWireServer;
  close(): Promise<void>;
}

/** Starts both; everybody may ask its models, and the offline one is the default. @param env over these */
export async function startProviderApp(
  database: TestDatabase,
  env: Record<string, string> = {},
): Promise<ProviderApp> {
  const provider = await startProviderWireServer();
  const app = await startWholeApp(database, {
    env: {
      OPENAI_API_KEY: 'none',
      OPENAI_BASE_URL: `${provider.url}/v1`,
      DEFAULT_MODEL: 'echo',
      DEFAULT_ROLE: 'premium',
      ...env,
    },
  });
  return {
    app,
    provider,
    async close() {
      await app.close();
      await provider.close();
    },
  };
}
