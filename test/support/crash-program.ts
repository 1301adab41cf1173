import { newId } from '../../src/base/ids.ts';
import type { SendMessageAnswer } from '../../src/contracts/routes/messages.ts';
import { rows } from '../../src/data/database.ts';
import { postEntry } from '../../src/data/repositories/ledger.ts';
import { RoomHub } from '../../src/realtime/room-hub.ts';
import { memoryRoomSource } from '../../src/realtime/room-sources.ts';
import { createLiveMessages } from '../../src/services/live-messages.ts';
import { aWhile, CATALOGUE, type CrashWorld } from './crash-world.ts';
import type { Pipeline } from './pipeline.ts';
import { SessionWatch } from './session-watch.ts';

/** Who asks. */
export interface Person {
  userId: string;
  sessions: SessionWatch[];
  /** What was asked, the newest last. */
  requests: AskedRequest[];
  /** Credits that were granted: those of which an answer came, and those of which none did. */
  granted: { id: string; answered: boolean }[];
}

/** A request for replies, however often it was sent. */
export interface AskedRequest {
  person: Person;
  sessionId: string;
  kind: 'post' | 'regenerate';
  /** Of a post: unlike any other. */
  content: string | undefined;
  /** Of a regeneration: the reply that is written again. */
  messageId: string | undefined;
  models: string[];
  hasKey: boolean;
  send(pipeline: Pipeline): Promise<SendMessageAnswer>;
  /** The first answer; every other one must be the same. */
  answer: SendMessageAnswer | undefined;
  /** How often nobody learned what became of it. */
  crashes: number;
}

/** People, of whom some are poor. */
const PEOPLE = 10;
const RICH = 3;
/** Sessions that one person has at a time, and the most requests in one, so that histories stay short. */
const SESSIONS = 2;
const MAX_REQUESTS = 15;
/** Operations that are under way at once. */
const LANES = 8;

/** How often each is done, of so many in all. */
const OPERATIONS = {
  run: 38,
  post: 26,
  repeat: 8,
  regenerate: 5,
  stop: 6,
  removeMessage: 3,
  removeSession: 1,
  grant: 5,
  age: 3,
  sweep: 3,
  runTwice: 2,
} as const;
type Operation = keyof typeof OPERATIONS;
const DRAWN = Object.entries(OPERATIONS).flatMap(([name, count]) =>
  Array.from({ length: count }, () => name as Operation),
);

/** Random users of a {@link CrashWorld}, and its workers. */
export class CrashProgram {
  readonly world: CrashWorld;
  readonly people: Person[] = [];
  readonly requests: AskedRequest[] = [];
  /** Sessions that somebody asked to delete. */
  readonly gone: { person: Person; watch: SessionWatch }[] = [];
  readonly goneSessions = new Set<string>();
  readonly done: Record<string, number> = {};
  readonly #hub: RoomHub;
  readonly #inSession = new Map<string, number>();

  constructor(world: CrashWorld) {
    this.world = world;
    this.#hub = new RoomHub(memoryRoomSource(world.feed));
  }

  async open(): Promise<void> {
    for (let index = 0; index < PEOPLE; index++) {
      const credits = index < RICH ? '1000000' : '30.5';
      const { userId } = await this.world.observer.asker({ credits });
      const person: Person = { userId, sessions: [], requests: [], granted: [] };
      for (let count = 0; count < SESSIONS; count++) person.sessions.push(await this.#openSession(person));
      this.people.push(person);
    }
  }

  /** Does so many operations, several at once. */
  async operate(count: number): Promise<void> {
    let left = count;
    const lane = async () => {
      while (left-- > 0) {
        const name = this.world.pick(DRAWN);
        this.done[name] = (this.done[name] ?? 0) + 1;
        await this.#do(name);
        await aWhile(this.world.random, 2);
      }
    };
    await Promise.all(Array.from({ length: LANES }, lane));
  }

  /** Lets everything come to its end: clients ask until they are answered, and nothing dies any more. */
  async quiesce(): Promise<void> {
    const { world } = this;
    world.calm(true);
    await world.settled();
    for (const request of this.requests) {
      if (request.hasKey && !request.answer && request.crashes > 0) await this.#send(request);
    }
    for (const { person, watch } of this.gone) {
      const { pipeline } = world.proc('web');
      await pipeline.sessions.remove(person.userId, watch.sessionId).catch((error) => world.refused(error));
    }
    this.gone.length = 0;
    for (let round = 0; round < MAX_ROUNDS; round++) {
      await rows(
        world.database.db,
        `UPDATE generations SET created_at = created_at - interval '1 hour', heartbeat_at = heartbeat_at - interval '1 hour'
          WHERE status IN ('queued', 'streaming')`,
      );
      await world.proc('worker').pipeline.sweep();
      const jobs = world.queue.waiting;
      if (jobs.length === 0) break;
      const lane = async () => {
        for (let id = jobs.pop(); id; id = jobs.pop()) await world.runJob(id);
      };
      await Promise.all(Array.from({ length: LANES }, lane));
    }
    await world.settled();
  }

  async #do(name: Operation): Promise<void> {
    const { world } = this;
    const person = world.pick(this.people);
    const jobs = world.queue.waiting;
    if (name === 'post') return this.#post(person);
    if (name === 'repeat') return this.#repeat(person);
    if (name === 'regenerate') return this.#regenerate(person);
    if (name === 'grant') return this.#grant(person);
    if (name === 'removeSession') return this.#removeSession(person);
    if (name === 'age') return this.#age();
    if (name === 'sweep') return this.#in('worker', ({ sweep }) => sweep());
    if (name === 'run' || name === 'runTwice') {
      if (jobs.length === 0) return this.#post(person);
      return world.runJob(world.pick(jobs), name === 'runTwice');
    }
    const answered = person.requests.slice(-10).flatMap(({ answer }) => answer ?? []);
    if (answered.length === 0) return this.#post(person);
    const { message, replies } = world.pick(answered);
    const { id } = world.pick([...replies, ...(name === 'removeMessage' ? [message] : [])]);
    if (name === 'stop') return this.#in('web', ({ stopMessage }) => stopMessage(person.userId, id));
    world.deleted.add(id);
    return this.#in('web', ({ messages }) => messages.remove(person.userId, id));
  }

  async #in(role: 'web' | 'worker', work: (pipeline: Pipeline) => Promise<unknown>): Promise<void> {
    const { process, pipeline } = this.world.proc(role);
    const outcome = await process.ask(() => work(pipeline));
    if (outcome.is === 'failed') this.world.refused(outcome.error);
  }

  async #post(person: Person): Promise<void> {
    const { world } = this;
    const { sessionId } = await this.#sessionOf(person);
    const content = `q${this.requests.length} ${'Why? '.repeat(world.random.between(1, 6))}`;
    const ids = CATALOGUE.map(({ id }) => id);
    const first = world.random.between(0, ids.length - 1);
    const models = [...ids.slice(first), ...ids.slice(0, first)].slice(0, world.pick([1, 1, 1, 2, 3]));
    const [hasKey, inBody] = [world.chance(60), world.chance(50)];
    const key = hasKey && !inBody ? newId() : undefined;
    const body = { content, role: 'user', models, ...(hasKey && inBody && { clientMessageId: newId() }) };
    const request = this.#request(person, {
      sessionId,
      kind: 'post',
      content,
      messageId: undefined,
      models,
      hasKey,
      send: (pipeline) => pipeline.post({ userId: person.userId, sessionId }, body, key),
    });
    await Promise.all([this.#send(request), ...(hasKey && world.chance(20) ? [this.#send(request)] : [])]);
  }

  async #regenerate(person: Person): Promise<void> {
    const { world } = this;
    const { userId } = person;
    const posts = person.requests
      .slice(-20)
      .flatMap(({ answer, sessionId }) => (answer ? [{ answer, sessionId }] : []));
    if (posts.length === 0) return this.#post(person);
    const { answer, sessionId } = world.pick(posts);
    const { id: messageId, model } = world.pick(answer.replies);
    const hasKey = world.chance(50);
    const key = hasKey ? newId() : undefined;
    const request = this.#request(person, {
      sessionId,
      kind: 'regenerate',
      content: undefined,
      messageId,
      models: [model ?? ''],
      hasKey,
      send: (pipeline) => pipeline.regenerate({ userId }, messageId, {}, key),
    });
    await Promise.all([this.#send(request), ...(hasKey && world.chance(30) ? [this.#send(request)] : [])]);
  }

  #request(person: Person, facts: Omit<AskedRequest, 'person' | 'answer' | 'crashes'>): AskedRequest {
    const request: AskedRequest = { ...facts, person, answer: undefined, crashes: 0 };
    this.requests.push(request);
    person.requests.push(request);
    return request;
  }

  async #repeat(person: Person): Promise<void> {
    const again = person.requests.slice(-15).filter(({ hasKey }) => hasKey);
    if (again.length === 0) return this.#post(person);
    const request = this.world.pick(again);
    await Promise.all(Array.from({ length: this.world.random.between(1, 3) }, () => this.#send(request)));
  }

  async #send(request: AskedRequest): Promise<void> {
    const { process, pipeline } = this.world.proc('web');
    const wasAnswered = request.answer !== undefined;
    const outcome = await process.ask(() => request.send(pipeline));
    if (outcome.is === 'crashed') request.crashes += 1;
    else if (outcome.is === 'failed') {
      this.world.refused(outcome.error);
      if (wasAnswered) this.world.faults.push(`answered before, refused now: ${String(outcome.error)}`);
    } else {
      request.answer ??= outcome.value;
      if (JSON.stringify(request.answer) === JSON.stringify(outcome.value)) return;
      this.world.faults.push(`one key, two answers: ${JSON.stringify([request.answer, outcome.value])}`);
    }
  }

  async #grant({ userId, granted }: Person): Promise<void> {
    const { world } = this;
    const { process, pipeline } = world.proc('web');
    const entry = { id: newId(), answered: false };
    granted.push(entry);
    const amount = world.pick(['0.000001', '7.333333', '25', '0.5', '-3.1', '60']);
    const kind = amount.startsWith('-') ? 'adjustment' : 'grant';
    const outcome = await process.ask(() =>
      pipeline.database.transaction((db) => postEntry(db, { id: entry.id, userId, kind, amount })),
    );
    if (outcome.is === 'failed') world.refused(outcome.error);
    entry.answered = outcome.is === 'done';
  }

  async #removeSession(person: Person): Promise<void> {
    const index = this.world.random.between(0, person.sessions.length - 1);
    const watch = person.sessions[index] as SessionWatch;
    person.sessions[index] = await this.#openSession(person);
    this.gone.push({ person, watch });
    this.goneSessions.add(watch.sessionId);
    watch.leave();
    await this.#in('web', ({ sessions }) => sessions.remove(person.userId, watch.sessionId));
  }

  /** Time goes by for some of what is open: its job seems lost, its worker silent, or its hold runs out. */
  async #age(): Promise<void> {
    const { world } = this;
    const aged = world.pick([
      `created_at = created_at - interval '1 minute', heartbeat_at = heartbeat_at - interval '1 minute'`,
      `created_at = created_at - interval '1 minute', heartbeat_at = heartbeat_at - interval '1 minute'`,
      `hold_expires_at = now() - interval '1 second', heartbeat_at = heartbeat_at - interval '1 minute'`,
    ]);
    const share = world.random.between(0, 2);
    const sql = `UPDATE generations SET ${aged} WHERE status IN ('queued', 'streaming') AND hashtext(id::text) % 3 = $1`;
    // In a transaction for its retry: it locks many rows, in no order.
    await world.database.transaction((db) => rows(db, sql, [share]));
  }

  async #sessionOf(person: Person): Promise<SessionWatch> {
    const index = this.world.random.between(0, person.sessions.length - 1);
    const watch = person.sessions[index] as SessionWatch;
    const asked = (this.#inSession.get(watch.sessionId) ?? 0) + 1;
    this.#inSession.set(watch.sessionId, asked);
    if (asked < MAX_REQUESTS) return watch;
    person.sessions[index] = await this.#openSession(person);
    this.full.push(watch);
    return watch;
  }

  /** Sessions in which nobody asks any more; looked at once more. */
  readonly full: SessionWatch[] = [];

  async #openSession({ userId }: Person): Promise<SessionWatch> {
    const { database, feed } = this.world;
    const sessionId = newId();
    await rows(database.db, 'INSERT INTO sessions (id, user_id, model) VALUES ($1, $2, $3)', [
      sessionId,
      userId,
      'script/free',
    ]);
    const messages = createLiveMessages({ database, live: feed.live, inrPerUsd: 88 });
    const watch = new SessionWatch(sessionId, { hub: this.#hub, messages });
    await watch.join();
    return watch;
  }
}

/** A reply may take this many workers, and its end one more to be told. */
const MAX_ROUNDS = 8;
