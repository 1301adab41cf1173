import { setImmediate as turnOfTheLoop } from 'node:timers/promises';
import { type Database, rows } from '../../src/data/database.ts';
import { createMemoryFeed } from '../../src/feed/memory.ts';
import type { ProviderRequest } from '../../src/providers/provider.ts';
import type { GenerationStart, RunOutcome } from '../../src/queue/generation-consumer.ts';
import type { Model } from '../../src/services/model-directory.ts';
import { CrashCoverage, CrashingProcess, type CrashPlan, MOMENTS, type Outcome } from './crash-points.ts';
import { crashingDatabase, crashingFeed, crashingQueue } from './crashing-parts.ts';
import { JobQueue } from './job-queue.ts';
import { testModel } from './models.ts';
import { createPipeline, type Pipeline, type TestWorker } from './pipeline.ts';
import type { Random } from './random.ts';
import { createChanceProvider, type Strike } from './scripted-replies.ts';

/** What the models of this world cost: nothing, whole credits, and amounts that no float holds. */
export const CATALOGUE: Model[] = [
  priced('script/free', '0', '0'),
  priced('script/even', '20', '2.5'),
  priced('script/odd', '0.333333', '0.1'),
  priced('script/tiny', '0.000001', '0.0333'),
];

function priced(id: string, creditsPer100Tokens: string, usd: string): Model {
  const price = { usdPerMillionInput: usd, usdPerMillionCachedInput: usd, usdPerMillionOutput: usd };
  return testModel(id, { price: { creditsPer100Tokens, ...price } });
}

/** Replies that one user may have running at once: few enough to be met. */
const MAX_RUNNING = 8;
/** Tokens of output that are set aside: all of a reply, or so few that more are wanted while it is written. */
const RESERVES = [100, 100, 2];
const OVERDRAFTS = ['unlimited', 'unlimited', '0.5'];
const [WEBS, WORKERS] = [3, 3];
/** Most steps that a process takes before it dies. */
const LONGEST_LIFE = 200;
/** Deaths at one step that need no further ones. */
const ENOUGH_DEATHS = 5;

/** A process of the product, in which everything is real but the wires that leave it. */
export interface Proc {
  readonly role: Role;
  readonly process: CrashingProcess;
  readonly pipeline: Pipeline;
  readonly worker: TestWorker;
}

type Role = 'web' | 'worker';

/** What a run has of its job. Lost, the job waits for another worker, and nobody tells the one that runs it. */
interface JobLock {
  lost: boolean;
}

/** A turn that a process tried to store. */
export interface TriedTurn {
  sessionId: string;
  /** The message of the user; undefined when a reply was to be written again. */
  question: { id: string; content: string } | undefined;
  replies: { messageId: string; generationId: string; model: string }[];
}

/** Several web and worker processes over one real database, any of which may die between any two steps. */
export class CrashWorld {
  readonly random: Random;
  readonly database: Database;
  readonly feed = createMemoryFeed();
  readonly queue = new JobQueue();
  readonly coverage: Record<Role, CrashCoverage> = { web: new CrashCoverage(), worker: new CrashCoverage() };
  readonly effects = new Set<Promise<unknown>>();
  /** A process that never dies, for those who look. */
  readonly observer: Pipeline;
  readonly turns: TriedTurn[] = [];
  /** Messages that somebody asked to delete. */
  readonly deleted = new Set<string>();
  /** What must never be, noticed at once. */
  readonly faults: string[] = [];
  readonly #procs: Record<Role, Proc[]> = { web: [], worker: [] };
  /** Processes that are stopping. */
  readonly #leaving = new Set<Proc>();
  /** The locks of jobs that are being run, by generation. */
  readonly #locks = new Map<string, Set<JobLock>>();
  /** Each of {@link turns}, by its first generation. */
  readonly #tried = new Map<string, TriedTurn>();
  /** The newest attempt at each generation. */
  readonly #attempts = new Map<string, number>();
  #calm = false;

  constructor(database: Database, random: Random) {
    this.database = database;
    this.random = random;
    this.observer = createPipeline(database, CATALOGUE, { ...this.feed, listen: () => () => false });
    for (let count = 0; count < WEBS; count++) this.#procs.web.push(this.#start('web'));
    for (let count = 0; count < WORKERS; count++) this.#procs.worker.push(this.#start('worker'));
  }

  pick<T>(of: readonly T[]): T {
    return of[this.random.between(0, of.length - 1)] as T;
  }

  chance(perCent: number): boolean {
    return this.random.between(1, 100) <= perCent;
  }

  /** A process that is alive. One that died meanwhile is started again. */
  proc(role: Role): Proc {
    const procs = this.#procs[role];
    const index = this.random.between(0, procs.length - 1);
    const found = procs[index] as Proc;
    if (!found.process.dead) return found;
    return this.#replace(found);
  }

  /** From now on nothing dies (or, again, it does): every process is started anew. */
  calm(calm: boolean): void {
    this.#calm = calm;
    for (const proc of [...this.#procs.web, ...this.#procs.worker]) {
      proc.process.crash();
      this.#replace(proc);
    }
  }

  /** Takes a job and runs it, in one worker or in two at once; what becomes of the job, as the queue would have it. */
  async runJob(id: string, twice = false): Promise<void> {
    const start = this.queue.take(id);
    await Promise.all([this.#run(start), ...(twice ? [this.#run({ ...start, isFirst: false })] : [])]);
  }

  async #run(start: GenerationStart): Promise<void> {
    const { generationId: id } = start;
    const { process, worker } = this.proc('worker');
    const lock: JobLock = { lost: false };
    const locks = this.#locks.get(id) ?? new Set();
    this.#locks.set(id, locks.add(lock));
    const outcome = await process.ask(() => worker.start(start));
    locks.delete(lock);
    if (locks.size === 0) this.#locks.delete(id);
    if (outcome.is === 'failed') this.faults.push(`a run failed: ${String(outcome.error)}`);
    // Without its lock a job is not this run's any more.
    if (lock.lost) return;
    if (this.#waitsAgain(outcome)) this.queue.giveBack(id);
    else this.queue.drop(id);
  }

  /** A dead worker's job is given to another when its lock has run out, unless the queue has lost it, too. */
  #waitsAgain(outcome: Outcome<RunOutcome>): boolean {
    if (outcome.is === 'crashed') return this.chance(70);
    return outcome.is === 'failed' || outcome.value === 'handed-over';
  }

  /** Waits until nothing is under way that a process began, whether or not it lives. */
  async settled(): Promise<void> {
    while (this.effects.size > 0) await Promise.all(this.effects);
  }

  async close(): Promise<void> {
    const procs = [...this.#procs.web, ...this.#procs.worker, ...this.#leaving];
    for (const { pipeline } of procs) await pipeline.close();
    await this.observer.close();
    await this.feed.close();
  }

  #replace(dead: Proc): Proc {
    void dead.pipeline.close();
    const fresh = this.#start(dead.role);
    const procs = this.#procs[dead.role];
    const index = procs.indexOf(dead);
    if (index >= 0) procs[index] = fresh;
    return fresh;
  }

  #start(role: Role): Proc {
    const process = new CrashingProcess({ coverage: this.coverage[role], effects: this.effects });
    const database = crashingDatabase(this.database, process, (step, params, result) => {
      if (step === 'store turn') this.#noteTurn(params, result);
      if (step === 'claim') this.#noteClaim(result);
      if (step === 'end generation') this.#noteEnd(params, result);
    });
    const pipeline = createPipeline(database, CATALOGUE, crashingFeed(this.feed, process));
    Object.assign(pipeline.queue, crashingQueue(this.queue, process));
    pipeline.limits.maxRunning = MAX_RUNNING;
    pipeline.holds.reserveTokens = this.pick(RESERVES);
    const proc: Proc = {
      role,
      process,
      pipeline,
      worker: pipeline.worker({ overdraft: this.pick(OVERDRAFTS) }),
    };
    const provider = createChanceProvider(this.random, (what, request) => this.#strike(proc, what, request));
    Object.assign(pipeline.provider, provider);
    process.plan(this.#calm ? [] : this.#chancePlans(role));
    return proc;
  }

  /** It dies after a while, or at a step at which the fewest have died yet. */
  #chancePlans(role: Role): CrashPlan[] {
    const coverage = this.coverage[role];
    const moment = this.pick(MOMENTS);
    const sometime = { passes: this.random.between(0, LONGEST_LIFE), moment: this.pick(MOMENTS) };
    const fewest = Math.min(...coverage.steps.map((step) => coverage.deaths(step, moment)));
    const rare = coverage.steps.filter((step) => coverage.deaths(step, moment) === fewest);
    if (fewest >= ENOUGH_DEATHS || rare.length === 0) return [sometime];
    return [sometime, { step: this.pick(rare), passes: this.random.between(0, 1), moment }];
  }

  async #strike(proc: Proc, what: Strike, request: ProviderRequest): Promise<void> {
    if (proc.process.dead || this.#calm) return;
    if (what === 'die') return proc.process.crash();
    if (what === 'hand over') {
      this.#replaceLater(proc);
      return proc.worker.running.drain(0);
    }
    const content = request.turns.at(-1)?.content;
    const asked = this.turns.find(({ question }) => question?.content === content);
    const reply = asked?.replies.find(({ model }) => model === `script/${request.model}`);
    if (!reply) return;
    if (what === 'lose lock') return this.#loseLocks(reply.generationId);
    if (what === 'lose claim') return this.#loseClaim(reply.generationId);
    const [owner] = await rows<{ userId: string }>(
      this.database.db,
      'SELECT user_id AS "userId" FROM generations WHERE id = $1',
      [reply.generationId],
    );
    if (!owner) return;
    const { process, pipeline } = this.proc('web');
    if (what === 'delete') this.deleted.add(reply.messageId);
    const outcome = await process.ask<unknown>(() =>
      what === 'stop'
        ? pipeline.stopMessage(owner.userId, reply.messageId)
        : pipeline.messages.remove(owner.userId, reply.messageId),
    );
    if (outcome.is === 'failed') this.refused(outcome.error);
  }

  /** Whoever is answered with an error is told why; anything else is a fault. */
  refused(error: unknown): void {
    const { name, code } = error as { name?: string; code?: string };
    if (name === 'AppError' && code !== undefined && EXPECTED.has(code)) return;
    this.faults.push(`an unexpected error: ${(error as Error).stack}`);
  }

  #loseLocks(generationId: string): void {
    for (const lock of this.#locks.get(generationId) ?? []) {
      lock.lost = true;
      this.queue.giveBack(generationId);
    }
  }

  /** The database has crashed, and a first claim had not reached its disk. */
  async #loseClaim(generationId: string): Promise<void> {
    await rows(
      this.database.db,
      `UPDATE generations SET status = 'queued', attempt = 0, started_at = NULL, heartbeat_at = NULL
        WHERE id = $1 AND status = 'streaming' AND attempt = 1`,
      [generationId],
    );
  }

  /** A process that is stopping takes nothing new; what it still has goes on. */
  #replaceLater(proc: Proc): void {
    const procs = this.#procs[proc.role];
    const index = procs.indexOf(proc);
    if (index >= 0) procs[index] = this.#start(proc.role);
    this.#leaving.add(proc);
  }

  #noteClaim(result: unknown): void {
    for (const { id, attempt } of (result as [{ id: string; attempt: number }[], number])[0]) {
      this.#attempts.set(id, Math.max(attempt, this.#attempts.get(id) ?? 0));
    }
  }

  /** Who has lost the claim ends nothing, even if that is rolled back after all. */
  #noteEnd(params: unknown[], result: unknown): void {
    const [id, attempt] = params as [string, number];
    const [ended] = result as [unknown[], number];
    const current = this.#attempts.get(id) ?? 0;
    if (ended.length > 0 && current > attempt) {
      this.faults.push(`attempt ${attempt} ended ${id}, which attempt ${current} has`);
    }
  }

  #noteTurn(params: unknown[], result: unknown): void {
    const [messages = [], generations = []] = params
      .filter((param): param is string => typeof param === 'string' && param.startsWith('[{'))
      .map((json) => JSON.parse(json) as Record<string, string>[]);
    const question = messages.find(({ role }) => role === 'user');
    const replies = generations.map(({ id = '', message_id: messageId = '', model = '' }) => ({
      messageId,
      generationId: id,
      model,
    }));
    const id = replies[0]?.generationId ?? '';
    const sessionId = messages[0]?.session_id ?? '';
    const asked = question && { id: question.id ?? '', content: question.content ?? '' };
    // The same one is tried again when another was in its way, with other messages where that is behind it.
    const turn = this.#tried.get(id) ?? { sessionId, question: asked, replies };
    if (!this.#tried.has(id)) this.turns.push(turn);
    this.#tried.set(id, Object.assign(turn, { question: asked, replies }));
    const [account] = result as { stored: boolean; balance: string | null; held: string | null }[];
    if (!account?.stored || account.balance === null) return;
    const over = Number(account.held) - Number(account.balance);
    if (over > 0) this.faults.push(`admitted with ${over} credits too few`);
  }
}

/** What a client may be told, in such a world. */
const EXPECTED = new Set(['not_found', 'conflict', 'insufficient_credits', 'too_many_generations']);

/** Lets the event loop go round a few times. */
export async function aWhile(random: Random, most: number): Promise<void> {
  for (let turns = random.between(0, most); turns > 0; turns--) await turnOfTheLoop();
}
