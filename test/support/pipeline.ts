import { newId } from '../../src/base/ids.ts';
import { parseInput } from '../../src/base/validation.ts';
import { type RoomEventName, sessionRoom } from '../../src/contracts/events.ts';
import { type SendMessageAnswer, sendMessageBody } from '../../src/contracts/routes/messages.ts';
import { type Database, rows } from '../../src/data/database.ts';
import type { GenerationRecord } from '../../src/data/entities/generation.ts';
import { createMemoryFeed } from '../../src/feed/memory.ts';
import type { RoomPublisher } from '../../src/feed/ports.ts';
import { EventChannel } from '../../src/providers/event-channel.ts';
import type { Provider, ProviderEvent, ProviderRequest } from '../../src/providers/provider.ts';
import type { RoutePatience } from '../../src/providers/route-plan.ts';
import { createRouter } from '../../src/providers/router.ts';
import type { RunGeneration } from '../../src/queue/generation-consumer.ts';
import type { GenerationQueue } from '../../src/queue/generation-queue.ts';
import { createAccessDirectory } from '../../src/services/access.ts';
import { createAnnouncer } from '../../src/services/announce.ts';
import { createAnnounceEnd } from '../../src/services/announce-end.ts';
import { createBackground } from '../../src/services/background.ts';
import { createLiveMessages } from '../../src/services/live-messages.ts';
import { createMessages } from '../../src/services/messages.ts';
import { createModelDirectory } from '../../src/services/model-directory.ts';
import { createPlanTitle } from '../../src/services/plan-title.ts';
import { createPostTurn } from '../../src/services/post-turn.ts';
import { createProviderHealth } from '../../src/services/provider-health.ts';
import { createRegenerateMessage } from '../../src/services/regenerate-message.ts';
import { createRunGeneration } from '../../src/services/run-generation.ts';
import { createRunTitle } from '../../src/services/run-title.ts';
import { createRunningGenerations, type RunningGenerations } from '../../src/services/running-generations.ts';
import { createSendMessage } from '../../src/services/send-message.ts';
import { createSessions } from '../../src/services/sessions.ts';
import { createSettleGeneration } from '../../src/services/settle-generation.ts';
import { createStartMeter } from '../../src/services/start-meter.ts';
import { createStopGeneration } from '../../src/services/stop-generation.ts';
import { createStreamGeneration } from '../../src/services/stream-generation.ts';
import { createSweepGenerations } from '../../src/services/sweep-generations.ts';
import { silentLog as log } from './global.ts';
import { HOLDS, NO_LIMITS, NO_RATE_LIMIT, openTestAccount, PLENTY } from './limits.ts';
import { testModel } from './models.ts';
import type { PublishedEvent } from './rest-app.ts';
import { until } from './until.ts';

/** Longest message, in tests of the pipeline. */
export const MAX_MESSAGE_CHARS = 1_000;

/** The model that the scripted provider serves. */
export const SCRIPTED = 'script/model';

/** Every model that there is. */
const MODELS = ['echo', SCRIPTED, 'script/a', 'script/b', 'other/first'];

/** One stream of the scripted provider. */
export interface ScriptedStream {
  readonly request: ProviderRequest;
  readonly signal: AbortSignal;
  push(...events: ProviderEvent[]): void;
}

/** A provider that writes what the test says, when the test says it. */
export interface ScriptedProvider extends Provider {
  /** Every stream that was begun. */
  readonly streams: ScriptedStream[];
  /** The stream of that number, counted from 0; waits until it has begun. */
  begun(index: number): Promise<ScriptedStream>;
}

/** Makes one, of the models `name/…`. */
export function createScriptedProvider(name = 'script'): ScriptedProvider {
  const streams: ScriptedStream[] = [];
  return {
    name,
    streams,
    stream: (request, signal) =>
      new EventChannel({
        signal,
        open: (channel) =>
          streams.push({
            request,
            signal,
            push: (...events) => {
              for (const event of events) channel.push(event);
            },
          }),
      }),
    async begun(index) {
      await until(`stream ${index} begins`, () => streams.length > index);
      return streams[index] as ScriptedStream;
    },
  };
}

/** A queue that only writes down what is asked of it. */
export interface RecordingQueue extends GenerationQueue {
  readonly enqueued: string[];
  readonly removed: string[];
  /** Set: it does not answer. */
  away: boolean;
}

function createRecordingQueue(): RecordingQueue {
  const queue: RecordingQueue = {
    enqueued: [],
    removed: [],
    away: false,
    async enqueue(id) {
      if (queue.away) throw new Error('the queue is away');
      queue.enqueued.push(id);
    },
    enqueueAgain: (id) => queue.enqueue(id),
    async remove(id) {
      queue.removed.push(id);
    },
    async ping() {},
    async close() {},
  };
  return queue;
}

/** What a worker has. */
export interface WorkerShape {
  serves?: Provider[];
  /** Ids of the models that answer when another one cannot. */
  fallbacks?: string[];
  patience?: RoutePatience;
  /** Who names sessions; nobody unless given. */
  titleModel?: string;
  /** Credits that a balance may be short of while a reply is written; `unlimited` unless given. */
  overdraft?: string;
}

/** A call that failed is not made again. */
const IMPATIENT: RoutePatience = { maxWaitMs: 0, backoffMs: 600_000 };

/** One worker process, or what of it counts here. */
export interface TestWorker {
  /** Runs what nobody was given before. */
  run(generationId: string): ReturnType<RunGeneration>;
  readonly start: RunGeneration;
  readonly running: RunningGenerations;
}

/** A user with a session. */
export interface Asker {
  userId: string;
  sessionId: string;
}

/** A generation as it is stored. */
export type StoredGeneration = Pick<
  GenerationRecord,
  | 'id'
  | 'model'
  | 'status'
  | 'attempt'
  | 'interruptions'
  | 'finishReason'
  | 'errorCode'
  | 'inputTokens'
  | 'outputTokens'
  | 'usageEstimated'
  | 'credits'
  | 'costUsd'
  | 'tries'
>;

/**
 * The pipeline in one process: a real database, the feed in memory, a queue that only records, and workers that run
 * what the test gives them.
 */
export type Pipeline = ReturnType<typeof createPipeline>;

/** Builds it, over a feed of its own unless given. The database stays open. */
export function createPipeline(
  database: Database,
  catalogue = MODELS.map((id) => testModel(id)),
  feed = createMemoryFeed(),
) {
  const queue = createRecordingQueue();
  const provider = createScriptedProvider();
  const events: PublishedEvent[] = [];
  feed.listen((room, event, payload) => events.push({ room, event, payload }));

  const broker = { away: false, refused: 0 };
  const rooms: RoomPublisher = {
    async publish(...event) {
      if (broker.away) {
        broker.refused += 1;
        throw new Error('the broker is away');
      }
      await feed.rooms.publish(...event);
    },
  };
  const announce = createAnnouncer(rooms, log);
  const limits = structuredClone(NO_LIMITS);
  const holds = { ...HOLDS };
  const shared = { database, announce, queue, log, inrPerUsd: 88, live: feed.live, limits };
  const announceEnd = createAnnounceEnd(shared);
  const liveMessages = createLiveMessages(shared);
  const models = createModelDirectory(['echo', 'script', 'other', 'anthropic'], catalogue);
  const background = createBackground(log);
  const stops = createStopGeneration({ ...shared, control: feed.control, announceEnd, background });
  const rateLimit = NO_RATE_LIMIT;
  const access = createAccessDirectory({ database, control: feed.control });
  const postTurn = createPostTurn({
    ...shared,
    access,
    maxMessageChars: MAX_MESSAGE_CHARS,
    holds,
    rateLimit,
  });
  const sending = { ...shared, models, postTurn };
  const sendMessage = createSendMessage(sending);
  const settle = createSettleGeneration({ ...shared, announceEnd });
  const workers: RunningGenerations[] = [];
  const giveUp: RunGeneration = (start) => pipeline.worker().start(start);
  const health = createProviderHealth({ store: feed.health, control: feed.control, log });

  const pipeline = {
    database,
    feed,
    /** Set `away`: it takes no announcement, and counts them. */
    broker,
    queue,
    provider,
    events,
    /** What holds for all of them; a test may change it. */
    limits,
    holds,
    settle,
    stopMessage: stops.stopMessage,
    regenerate: createRegenerateMessage(sending),
    sweep: createSweepGenerations({ ...shared, run: giveUp }),
    sessions: createSessions({
      ...shared,
      models,
      access,
      stopSession: stops.stopSession,
      defaultModel: () => SCRIPTED,
    }),
    messages: createMessages({ ...shared, present: liveMessages.present, stopMessage: stops.stopMessage }),

    /** A new user with an account and a session. */
    async asker({ model = SCRIPTED, settings = {}, credits = PLENTY } = {}): Promise<Asker> {
      const [userId, sessionId] = [newId(), newId()];
      await rows(database.db, 'INSERT INTO users (id, email) VALUES ($1::uuid, $1::text)', [userId]);
      await openTestAccount(database, userId, credits);
      await rows(database.db, 'INSERT INTO sessions (id, user_id, model, settings) VALUES ($1, $2, $3, $4)', [
        sessionId,
        userId,
        model,
        settings,
      ]);
      return { userId, sessionId };
    },

    /** What `POST /messages` does with a body. */
    async post(asker: Asker, body: object, key?: string): Promise<SendMessageAnswer> {
      const { userId, sessionId } = asker;
      return sendMessage({ userId }, parseInput(sendMessageBody, { sessionId, ...body }, 'body'), key);
    },

    /** Asks something; answers with the reply and its generation. */
    async ask(asker: Asker, content = 'Why?', model = SCRIPTED) {
      const { message, replies } = await this.post(asker, { content, model });
      const messageId = replies[0]?.id ?? '';
      return { questionId: message.id, messageId, generationId: (await this.stored(messageId)).id };
    },

    worker(shape: WorkerShape = {}): TestWorker {
      const { serves = [provider], fallbacks = [], patience = IMPATIENT, titleModel } = shape;
      const { overdraft = 'unlimited' } = shape;
      const running = createRunningGenerations({
        database,
        control: feed.control,
        holdMinutes: holds.minutes,
        log,
      });
      running.start();
      workers.push(running);
      const stream = createStreamGeneration({
        ...shared,
        models,
        fallbacks: () => fallbacks.flatMap((id) => models.find(id) ?? []),
        provider: (name) => serves.find((each) => each.name === name),
        route: createRouter({ health, patience }),
      });
      const start = createRunGeneration({
        ...shared,
        models,
        stream,
        startMeter: createStartMeter({ ...shared, overdraft }),
        runTitle: createRunTitle({ ...shared, stream }),
        planTitle: createPlanTitle({ ...shared, models, titleModel: () => titleModel }),
        running,
        liveMessages,
        announceEnd,
        settle,
      });
      const run = (generationId: string) => start({ generationId, isFirst: true });
      return { running, start, run };
    },

    /** The generation that writes a message. */
    async stored(messageId: string): Promise<StoredGeneration> {
      const [found] = await rows<StoredGeneration>(
        database.db,
        `SELECT id, model, status, attempt, interruptions, finish_reason AS "finishReason",
                error_code AS "errorCode", input_tokens AS "inputTokens", output_tokens AS "outputTokens",
                usage_estimated AS "usageEstimated", credits, cost_usd AS "costUsd", tries
           FROM generations WHERE message_id = $1`,
        [messageId],
      );
      if (!found) throw new Error(`no generation of ${messageId}`);
      return found;
    },

    async content(messageId: string): Promise<string | undefined> {
      const sql = 'SELECT content FROM messages WHERE id = $1';
      return (await rows<{ content: string }>(database.db, sql, [messageId]))[0]?.content;
    },

    /** The charges of a user, which must be all of the balance. */
    async charges({ userId }: Asker): Promise<number[]> {
      const entries = await rows<{ amount: string }>(
        database.db,
        `SELECT amount FROM ledger_entries WHERE user_id = $1 AND kind = 'charge' ORDER BY id`,
        [userId],
      );
      const [sums] = await rows<{ equal: boolean }>(
        database.db,
        `SELECT balance = (SELECT coalesce(sum(amount), 0) FROM ledger_entries WHERE user_id = $1) AS equal
           FROM accounts WHERE user_id = $1`,
        [userId],
      );
      if (!sums?.equal) throw new Error('the balance is not the sum of the ledger');
      return entries.map(({ amount }) => Number(amount));
    },

    /** What was published to a session, in order. */
    published({ sessionId }: Asker, ...names: RoomEventName[]): PublishedEvent[] {
      const room = sessionRoom(sessionId);
      return events.filter(
        (each) => each.room === room && (names.length === 0 || names.includes(each.event)),
      );
    },

    async close(): Promise<void> {
      for (const running of workers) running.stop();
      await feed.close();
    },
  };
  return pipeline;
}
