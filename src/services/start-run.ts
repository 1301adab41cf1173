import { invalidField, notFound } from '../base/errors.ts';
import { newId } from '../base/ids.ts';
import type { Message } from '../contracts/message.ts';
import type { StartedRun } from '../contracts/playground.ts';
import type { StartRunBody } from '../contracts/routes/playground.ts';
import type { Session } from '../contracts/session.ts';
import type { Database, Db } from '../data/database.ts';
import type { SessionRecord } from '../data/entities/session.ts';
import { findLaneTokens } from '../data/repositories/lanes.ts';
import { findKeptSession, findSessionToPostIn } from '../data/repositories/sessions.ts';
import { presentLane } from '../presenters/playground.ts';
import { presentSession } from '../presenters/session.ts';
import type { Announcer } from './announce.ts';
import type { Model, ModelDirectory } from './model-directory.ts';
import type { PostTurn, TurnToPost } from './post-turn.ts';
import type { Counted } from './rate-limits.ts';
import { repeatKeys } from './repeat-keys.ts';
import { firstTitle } from './title-text.ts';

/** What starting a run needs. */
export interface StartRunDeps {
  database: Pick<Database, 'db'>;
  models: Pick<ModelDirectory, 'resolve'>;
  postTurn: PostTurn;
  announce: Announcer;
  /** Rupees per US dollar. */
  inrPerUsd: number;
}

/** Where a request keeps its fields, and the key under which its client may repeat it; `clientMessageId` is another. */
export interface RunRequest {
  /** As in `body.prompt`. */
  root: 'body' | 'query';
  idempotencyKey?: string | undefined;
}

/**
 * Gives a prompt to several models at once, each in a lane of its own: all of them are admitted and held, or none.
 *
 * @throws {AppError} `not_found` for the run; `validation_failed`, `model_not_available`,
 *   `forbidden`, `idempotency_key_reused`, `rate_limited`, `insufficient_credits`, `usage_limit_reached`, `too_many_generations`
 */
export type StartRun = (asking: Counted, asked: StartRunBody, request: RunRequest) => Promise<StartedRun>;

/** Makes the verb. */
export function createStartRun({ database, models, postTurn, announce, inrPerUsd }: StartRunDeps): StartRun {
  const { db } = database;

  return async (asking, asked, { root, idempotencyKey }) => {
    const { userId } = asking;
    let opened: string | undefined;
    const { clientMessageId: id, ...playground } = asked;
    const own = { id, scope: `playground:${asked.sessionId ?? ''}` };
    const keys = repeatKeys({ header: idempotencyKey, own });
    const repeatable = { keys, request: { playground }, sessionId: asked.sessionId };
    const { message, replies, also } = await postTurn(asking, repeatable, async () => {
      const turn = await turnOf(userId, asked, root);
      if (turn.opening) opened = turn.sessionId;
      return { ...turn, also: (inside) => show(inside, userId, turn.sessionId) };
    });
    const said = message as Message;
    // What was kept by an earlier version has none.
    const session = (also as Session | undefined) ?? (await show(db, userId, said.sessionId));
    // Of requests that came at once, only the first has opened its own.
    if (opened === session.id) await announce.toUser(userId, 'session:new', session);
    return { session, message: said, lanes: replies.map(presentLane) };
  };

  async function show(db: Db, userId: string, id: string): Promise<Session> {
    const session = await findKeptSession(db, userId, id);
    if (!session) throw notFound('session');
    return presentSession(session, inrPerUsd);
  }

  async function turnOf(userId: string, asked: StartRunBody, root: string): Promise<TurnToPost> {
    if (asked.sessionId === undefined) return opening(asked, root);
    return continued(userId, asked.sessionId, asked, root);
  }

  /** The first prompt of a run. */
  function opening({ prompt, models: named, settings = {} }: StartRunBody, root: string): TurnToPost {
    if (!named) throw invalidField(`${root}.models`, 'is required');
    const lanes = resolveLanes(named, root);
    const ids = lanes.map(({ model }) => model.id);
    return {
      sessionId: newId(),
      settings,
      opening: {
        kind: 'playground',
        model: ids[0] as string,
        settings,
        metadata: { models: ids },
        expiresAt: null,
      },
      title: firstTitle(prompt),
      message: { role: 'user', content: prompt, parentId: null },
      asked: lanes.map((lane) => ({ ...lane, historyTokens: 0 })),
      paths: { content: `${root}.prompt`, settings: `${root}.settings` },
    };
  }

  /** Another prompt: the same lanes, each with what was said in it. */
  async function continued(
    userId: string,
    sessionId: string,
    { prompt, models: named, settings }: StartRunBody,
    root: string,
  ): Promise<TurnToPost> {
    const session = await findSessionToPostIn(db, userId, sessionId);
    if (session?.kind !== 'playground') throw notFound('session', `${root}.sessionId`);
    const lanes = lanesOf(session, named, root);
    const tokens = await findLaneTokens(db, sessionId);
    return {
      sessionId,
      settings: { ...session.settings, ...settings },
      message: { role: 'user', content: prompt, parentId: session.newestMessageId },
      asked: lanes.map((each) => ({ ...each, historyTokens: tokens.get(each.lane) ?? 0 })),
      paths: { content: `${root}.prompt`, settings: settings ? `${root}.settings` : 'session.settings' },
    };
  }

  /** The lanes of a run, which whoever names them must name as they are. */
  function lanesOf(session: SessionRecord, named: string[] | undefined, root: string) {
    const ids = session.metadata.models as string[];
    const lanes = resolveLanes(named ?? ids, root);
    if (lanes.length === ids.length && lanes.every(({ model, lane }) => model.id === ids[lane])) return lanes;
    throw invalidField(`${root}.models`, `must be those of the run, or left out: ${ids.join(', ')}`);
  }

  function resolveLanes(ids: string[], root: string): { model: Model; path: string; lane: number }[] {
    return ids.map((id, lane) => {
      const path = `${root}.models.${lane}`;
      return { model: models.resolve(id, path), path, lane };
    });
  }
}
