import { expect } from 'chai';
import { rows } from '../../src/data/database.ts';
import type { AskedRequest, CrashProgram } from './crash-program.ts';
import type { TriedTurn } from './crash-world.ts';
import { expectInvariants, type InvariantRule } from './invariants.ts';
import type { PublishedTexts, SessionWatch } from './session-watch.ts';
import type { Transcript } from './transcript.ts';

/** What deleted messages and replies written again break by themselves; what is left of them is checked below. */
const BESIDES: InvariantRule[] = [
  'every user message has exactly one reply per lane',
  'every generation has a message',
];

/** Each statement finds what breaks its rule, beside those of {@link expectInvariants}. */
const VIOLATIONS = {
  'credits are the tokens at the price that was frozen': `
    SELECT id, status, input_tokens, output_tokens, credits, price FROM generations
     WHERE credits IS DISTINCT FROM
           round((coalesce(input_tokens, 0) + coalesce(output_tokens, 0)) * (price ->> 'creditsPer100Tokens')::numeric / 100, 6)`,
  'what failed without a word costs nothing': `
    SELECT g.id FROM generations g JOIN messages m ON m.id = g.message_id
     WHERE g.status <> 'completed' AND m.content = '' AND m.reasoning IS NULL AND g.credits <> 0`,
  'a charge is of the user whose generation it is': `
    SELECT l.id FROM ledger_entries l LEFT JOIN generations g ON g.id = l.generation_id AND g.user_id = l.user_id
     WHERE l.kind = 'charge' AND g.id IS NULL`,
  'what counts against the limits is what was admitted and used': `
    SELECT a.user_id, a.month_requests, count(g.id), a.month_tokens, sum(input_tokens + output_tokens)
      FROM accounts a LEFT JOIN generations g USING (user_id)
     WHERE date_trunc('month', a.used_on) = date_trunc('month', now() AT TIME ZONE 'UTC' - interval '1 hour')
     GROUP BY a.user_id HAVING a.month_requests <> count(g.id)
        OR a.month_tokens <> coalesce(sum(input_tokens + output_tokens), 0)`,
  'the totals of a session are those of its generations, deleted replies too': `
    SELECT s.id, s.total_tokens, s.total_credits FROM sessions s LEFT JOIN generations g ON g.session_id = s.id
     GROUP BY s.id HAVING s.total_tokens <> coalesce(sum(input_tokens + output_tokens), 0)
        OR s.total_credits <> coalesce(sum(g.credits), 0)`,
};

/** A reply before its question: who posted that died before it could tell, or it was deleted meanwhile. */
const LOST_QUESTION = /came before what it answers$/;
/**
 * Of a message that a worker claimed only to give it up. Back by an attempt: who read it before it was given up was told of
 * one attempt more than the one whose text is kept. Text taken back: the worker before, which has lost its claim without
 * knowing, wrote on after its text was read. The whole message that follows puts both right.
 */
const GIVEN_UP = /^message:update of (\S+): (?:back from attempt \d+ to \d+|took (?:text|reasoning) back)$/;

/** What a client was told that no process can be excused for, though it died. */
function faultsOf({ faults, copies }: Transcript): string[] {
  return faults.filter((fault) => {
    if (LOST_QUESTION.test(fault)) return false;
    const [, id] = GIVEN_UP.exec(fault) ?? [];
    if (id === undefined) return true;
    // None: it was deleted since.
    const message = copies.get(id)?.message;
    return message && message.status !== 'cancelled' && message.error?.code !== 'interrupted';
  });
}

/** A reply as it is stored. */
interface StoredReply {
  id: string;
  status: string;
  attempt: number;
  /** Everything of its end but the text. */
  end: string;
  /** Null: the message is not there any more. */
  content: string | null;
  reasoning: string | null;
}

/** Checks that what a {@link CrashProgram} has done left nothing undone, doubled or contradicting; between its batches. */
export class CrashChecks {
  readonly #program: CrashProgram;
  readonly #published: PublishedTexts;
  /** Every reply that has ended, with its end. */
  readonly #ends = new Map<string, StoredReply>();
  #turnsSeen = 0;
  /** Requests whose answer was found in the database. */
  readonly #kept = new Set<AskedRequest>();

  constructor(program: CrashProgram, published: PublishedTexts) {
    this.#program = program;
    this.#published = published;
  }

  /** Of everything that was done since the last time. Nothing may be under way. */
  async expectAll(): Promise<void> {
    const { world, requests } = this.#program;
    expect(world.faults, 'noticed at once').to.deep.equal([]);
    expect(this.#published.faults, 'published').to.deep.equal([]);
    await expectInvariants(world.database, BESIDES);
    for (const [rule, sql] of Object.entries(VIOLATIONS)) {
      expect(await rows(world.database.db, sql), `broken: ${rule}`).to.deep.equal([]);
    }
    const turns = world.turns.slice(this.#turnsSeen);
    this.#turnsSeen = world.turns.length;
    const stored = await this.#read(turns);
    this.#expectWholeTurns(turns, stored);
    this.#expectAnswersKept(requests, turns, stored);
    this.#expectTexts(stored);
    for (const reply of stored.values()) this.#ends.set(reply.id, reply);
    await this.#expectGrants();
    await this.#expectReaders();
  }

  /** Nothing that had ended has changed since. */
  async expectEndsUnchanged(): Promise<void> {
    const { world } = this.#program;
    const now = await this.#read(world.turns);
    const changed = [...now.values()].filter(({ id, end, content }) => {
      const before = this.#ends.get(id);
      // A message may have been deleted since.
      return before?.end !== end || (content !== null && before.content !== content);
    });
    expect(changed, 'an end has changed').to.deep.equal([]);
  }

  async #read(turns: TriedTurn[]): Promise<Map<string, StoredReply>> {
    const { db } = this.#program.world.database;
    const ids = turns.flatMap(({ replies }) => replies.map(({ messageId }) => messageId));
    const found = await rows<StoredReply>(
      db,
      `SELECT g.message_id AS id, g.status, g.attempt, m.content, m.reasoning,
              concat_ws('|', g.status, g.attempt, finish_reason, error_code, input_tokens, output_tokens, credits, cost_usd,
                        completed_at) AS end
         FROM generations g LEFT JOIN messages m ON m.id = g.message_id WHERE g.message_id = ANY($1)`,
      [ids],
    );
    return new Map(found.map((each) => [each.id, each]));
  }

  /** A turn is stored with all of its replies, or was never there; and there is nothing that nobody asked for. */
  #expectWholeTurns(turns: TriedTurn[], stored: Map<string, StoredReply>): void {
    const torn = turns.filter(({ replies }) => {
      const there = replies.filter(({ messageId }) => stored.has(messageId)).length;
      return there !== 0 && there !== replies.length;
    });
    expect(torn, 'a turn is stored in part').to.deep.equal([]);
    const { world, goneSessions } = this.#program;
    const lost = turns
      .filter(({ sessionId }) => !goneSessions.has(sessionId))
      .flatMap(({ replies }) => replies)
      .filter(({ messageId }) => stored.get(messageId)?.content === null && !world.deleted.has(messageId));
    expect(lost, 'a reply is gone that nobody deleted').to.deep.equal([]);
  }

  /** Each request has exactly the replies of its answer; one that was never answered at most as many as it was sent. */
  #expectAnswersKept(requests: AskedRequest[], turns: TriedTurn[], stored: Map<string, StoredReply>): void {
    const isStored = ({ replies: [first] }: TriedTurn) => first !== undefined && stored.has(first.messageId);
    const kept = turns.filter(isStored);
    const byFirst = new Map(kept.map((turn) => [turn.replies[0]?.messageId, turn]));
    const claimed = new Set<TriedTurn>();
    const posts = new Map<string, TriedTurn[]>();
    for (const turn of kept) {
      const content = turn.question?.content;
      if (content !== undefined) posts.set(content, [...(posts.get(content) ?? []), turn]);
    }
    for (const request of requests.filter((each) => !this.#kept.has(each))) {
      const { answer, content, models, crashes } = request;
      const turn = byFirst.get(answer?.replies[0]?.id);
      if (answer) {
        expect(
          turn?.replies.map(({ messageId }) => messageId),
          'an answer without its replies',
        ).to.deep.equal(answer.replies.map(({ id }) => id));
        expect(turn?.replies.map(({ model }) => model)).to.deep.equal(models);
        if (turn) claimed.add(turn);
        this.#kept.add(request);
      }
      const made = posts.get(content ?? '') ?? [];
      expect(made.length, `turns of ${content}`).to.be.at.most(1);
      if (!answer && crashes === 0) expect(made, `refused, and stored: ${content}`).to.deep.equal([]);
      for (const each of made) claimed.add(each);
    }
    // What is left are replies written again for somebody who never learned of it.
    const left = kept.filter((turn) => !claimed.has(turn));
    const most = requests
      .filter(({ kind, answer }) => kind === 'regenerate' && !answer)
      .reduce((sum, { crashes, hasKey }) => sum + (hasKey ? Math.min(1, crashes) : crashes), 0);
    expect(left.length, `turns that nobody asked for: ${JSON.stringify(left)}`).to.be.at.most(most);
    for (const request of requests) request.crashes = 0;
  }

  /** What was published of the attempt that ended is exactly what is stored. */
  #expectTexts(stored: Map<string, StoredReply>): void {
    for (const { id, attempt, content, reasoning } of stored.values()) {
      if (content === null) continue;
      const published = this.#published.of(id, attempt);
      // A worker that has lost its claim without knowing may write on; nobody who follows the rules takes that.
      expect(published.text.slice(0, content.length), `the deltas of ${id}, attempt ${attempt}`).to.equal(
        content,
      );
      expect(published.reasoning.slice(0, reasoning?.length ?? 0)).to.equal(reasoning ?? '');
    }
  }

  async #expectGrants(): Promise<void> {
    const { people, world } = this.#program;
    const found = await rows<{ id: string }>(
      world.database.db,
      `SELECT id FROM ledger_entries WHERE kind IN ('grant', 'adjustment')`,
    );
    const there = new Set(found.map(({ id }) => id));
    const granted = people.flatMap((person) => person.granted);
    expect(
      granted.filter(({ id, answered }) => answered && !there.has(id)),
      'lost grants',
    ).to.deep.equal([]);
    const known = granted.filter(({ id }) => there.has(id)).length + people.length;
    expect(there.size, 'grants that nobody made').to.equal(known);
  }

  /** Whoever followed from the beginning and comes back once more, and whoever comes only now, has what is stored. */
  async #expectReaders(): Promise<void> {
    const { people, full } = this.#program;
    const live = people.flatMap((person) =>
      person.sessions.map((watch) => ({ watch, userId: person.userId })),
    );
    for (const { watch, userId } of live) await this.#expectReader(watch, userId);
    for (const watch of full.splice(0)) {
      await this.#expectReader(watch);
      watch.leave();
    }
  }

  async #expectReader(watch: SessionWatch, userId?: string): Promise<void> {
    const { world } = this.#program;
    const { transcript, sessionId } = watch;
    await watch.comeBack();
    expect(faultsOf(transcript), 'what a client was told').to.deep.equal([]);
    const stored = await rows<{ id: string; content: string; reasoning: string | null; status: string }>(
      world.database.db,
      `SELECT m.id, m.content, m.reasoning, g.status FROM messages m JOIN generations g ON g.message_id = m.id
        WHERE m.session_id = $1`,
      [sessionId],
    );
    for (const { id, content, reasoning, status } of stored) {
      const copy = transcript.copies.get(id);
      if (!copy) continue;
      expect(copy.done?.status, `the end of ${id}`).to.equal(status);
      expect([copy.text, copy.reasoning], `the text of ${id}`).to.deep.equal([content, reasoning ?? '']);
    }
    if (userId === undefined) return;
    const opened = await world.observer.messages.openSession(userId, sessionId);
    const byId = new Map(stored.map((each) => [each.id, each]));
    for (const { id, role, content, status } of opened.messages) {
      if (role === 'user') continue;
      expect({ content, status }, `${id} as it is read`).to.deep.include({
        content: byId.get(id)?.content,
        status: byId.get(id)?.status,
      });
    }
  }
}
