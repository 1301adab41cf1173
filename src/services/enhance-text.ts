import { now } from '../base/clock.ts';
import { invalidField, notFound } from '../base/errors.ts';
import { newId } from '../base/ids.ts';
import type { EnhanceAnswer, EnhanceBody } from '../contracts/routes/ai-enhance.ts';
import type { AiUsage } from '../contracts/routes/ai-usage.ts';
import type { Database } from '../data/database.ts';
import { findEnhancement } from '../data/repositories/enhancements.ts';
import type { AccessDirectory } from './access.ts';
import { chooseModel } from './choose-model.ts';
import type { DefaultModel } from './default-model.ts';
import { type PromptRules, preparePrompt } from './enhance/prepare-prompt.ts';
import type { ModelDirectory } from './model-directory.ts';
import type { PostTurn, TurnToPost } from './post-turn.ts';
import type { Counted, RateLimit, RateLimitState } from './rate-limits.ts';
import { repeatKeys } from './repeat-keys.ts';

/** What enhancing texts needs. */
export interface EnhanceTextDeps extends PromptRules {
  database: Pick<Database, 'db'>;
  models: Pick<ModelDirectory, 'resolve'>;
  access: Pick<AccessDirectory, 'of'>;
  defaultModel: DefaultModel;
  postTurn: PostTurn;
  /** What is used up of the current window. */
  usageOf: (userId: string) => Promise<AiUsage>;
  /** How often a user may ask for replies. */
  rateLimit: Pick<RateLimit, 'read'>;
  /** Longest text, in UTF-16 code units. */
  maxTextUnits: number;
  /** How long an enhancement can be read, in hours. */
  ttlHours: number;
}

/**
 * Has a text enhanced: in a session of its own, which holds the text as it was given, by a generation whose prompt is masked.
 *
 * @throws {AppError} `not_found` for a record that is not registered; `model_not_available`; what {@link PostTurn} throws
 */
export type EnhanceText = (
  asking: Counted,
  body: EnhanceBody,
  idempotencyKey?: string,
) => Promise<EnhanceAnswer>;

const [SECOND_MS, HOUR_MS] = [1_000, 3_600_000];

/** Makes the verb. */
export function createEnhanceText(deps: EnhanceTextDeps): EnhanceText {
  const { database, postTurn } = deps;

  return async (asking, body, idempotencyKey) => {
    const { userId } = asking;
    const repeatable = {
      keys: repeatKeys({ header: idempotencyKey }),
      request: { enhance: body },
    };
    const { replies, also } = await postTurn(asking, repeatable, () => turnOf(userId, body));
    const sessionId = replies[0]?.sessionId ?? '';
    const [usage, counted] = await Promise.all([deps.usageOf(userId), deps.rateLimit.read(userId)]);
    return {
      sessionId,
      streamUrl: `/ai/stream/${sessionId}`,
      ...((also as Estimated | undefined) ?? (await estimated(userId, sessionId))),
      // What is left now, also to a repetition: the first answer would say what was left once.
      rateLimit: tightest(usage, counted),
    };
  };

  /** Of a request that was kept by an earlier version, without it. */
  async function estimated(userId: string, sessionId: string): Promise<Estimated> {
    const stored = await findEnhancement(database.db, userId, sessionId);
    if (!stored) throw notFound('enhancement');
    return { estimatedTokens: stored.metadata.estimatedTokens };
  }

  async function turnOf(userId: string, body: EnhanceBody): Promise<TurnToPost> {
    if (body.text.length > deps.maxTextUnits) {
      throw invalidField('body.text', `must have at most ${deps.maxTextUnits} characters`);
    }
    const model = await chooseModel(deps, { userId, named: body.model, path: 'body.model' });
    const { input, metadata } = await preparePrompt(database.db, { userId, body, model }, deps);
    const expiresAt = new Date(now() + deps.ttlHours * HOUR_MS);
    return {
      sessionId: newId(),
      settings: {},
      opening: {
        kind: 'enhancement',
        model: model.id,
        settings: {},
        metadata: { action: body.action, ...metadata },
        expiresAt,
      },
      message: { role: 'user', content: body.text, parentId: null },
      asked: [{ model, path: 'body.model', historyTokens: 0, input }],
      also: async (): Promise<Estimated> => ({ estimatedTokens: metadata.estimatedTokens }),
      paths: { content: 'body.text', settings: 'body' },
    };
  }
}

/** What is kept of the answer beside the messages. */
type Estimated = Pick<EnhanceAnswer, 'estimatedTokens'>;

/** Of the limits on how often somebody may ask, the one that leaves least. */
function tightest({ requests }: AiUsage, counted: RateLimitState | undefined): EnhanceAnswer['rateLimit'] {
  const { limit, used, resetAt } = requests;
  const ofWindow = { limit, remaining: limit === null ? null : Math.max(0, limit - used), resetAt };
  if (!counted || (ofWindow.remaining ?? Number.POSITIVE_INFINITY) <= counted.remaining) return ofWindow;
  const { remaining, resetSeconds } = counted;
  return {
    limit: counted.limit,
    remaining,
    resetAt: new Date(now() + resetSeconds * SECOND_MS).toISOString(),
  };
}
