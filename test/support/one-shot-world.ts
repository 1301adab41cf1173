import { expect } from 'chai';
import { rows } from '../../src/data/database.ts';
import { type TestDatabase, useTestDatabase } from './database.ts';
import { expectInvariants } from './invariants.ts';
import { type ProviderWireServer, type Step, startProviderWireServer } from './provider-wire-server.ts';
import { openAiWire } from './provider-wires.ts';
import { makeKey } from './test-keys.ts';
import { signUp, type TestUser } from './test-user.ts';
import { until } from './until.ts';
import { startWholeApp, type WholeApp } from './whole-app.ts';

/** What the local server serves as. */
export const MODEL = 'openai/gpt-4.1-mini';

/** A whole app whose only provider beside the offline one is a local server, and somebody with a key for `/v1`. */
export interface OneShotWorld {
  app: WholeApp;
  database: TestDatabase;
  provider: ProviderWireServer;
  user: TestUser;
  /** With the scope `text`. */
  apiKey: string;
  /** What the clients of OpenAI call the base URL. */
  baseURL: string;
  /** Has the model answer the next request with these steps; a text is said as it is. */
  script(...steps: Step[]): void;
  /** The request that the provider gets next, and what has come of it. */
  nextRequest: ProviderWireServer['nextRequest'];
  /** Every call has ended, and was charged as it should. */
  settled(): Promise<void>;
  /** Charges of the user so far. */
  charges(): Promise<number>;
}

const { begin, text, end } = openAiWire;

/** Long enough for a heartbeat in between. */
export const SILENCE: Step = { pauseMs: 250 };

/** An answer of the model that says this and stops. */
export const saying = (...words: string[]): Step[] => [begin, ...words.map(text), end()];

/** Starts it for the tests of a `describe`; call it inside. */
export function useOneShotWorld(env: Record<string, string> = {}): () => OneShotWorld {
  const database = useTestDatabase();
  let world: OneShotWorld | undefined;
  before(async function () {
    this.timeout(60_000);
    const provider = await startProviderWireServer();
    const app = await startWholeApp(database(), {
      env: {
        OPENAI_API_KEY: 'none',
        OPENAI_BASE_URL: `${provider.url}/v1`,
        DEFAULT_ROLE: 'premium',
        WELCOME_CREDITS: '1000000',
        MAX_CONCURRENT_GENERATIONS: '100',
        // Clients must not stumble over them.
        SSE_HEARTBEAT_MS: '100',
        ...env,
      },
    });
    const user = await signUp(app);
    const { key: apiKey } = await makeKey(app, user, { scopes: ['text'] });
    const { db } = database();
    world = {
      app,
      database: database(),
      provider,
      user,
      apiKey,
      baseURL: `${app.url}/v1`,
      script: (...steps) => provider.answer({ steps }),
      nextRequest: provider.nextRequest,
      async settled() {
        const open = `SELECT id FROM generations WHERE completed_at IS NULL`;
        await until('every call has ended', async () => (await rows(db, open)).length === 0);
        await expectInvariants(database());
      },
      async charges() {
        const charged = `SELECT id FROM ledger_entries WHERE user_id = $1 AND kind = 'charge'`;
        return (await rows(db, charged, [user.id])).length;
      },
    };
  });
  afterEach(() => world?.provider.clear());
  after(async () => {
    await world?.app.close();
    await world?.provider.close();
  });
  return () => {
    expect(world, 'the world has started').not.to.equal(undefined);
    return world as OneShotWorld;
  };
}

/** What a promise is rejected with; fails when it is not. */
export async function rejection(promise: PromiseLike<unknown>): Promise<unknown> {
  return promise.then(
    () => {
      throw new Error('it was not refused');
    },
    (error: unknown) => error,
  );
}

/** Everything that is iterated. */
export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}
