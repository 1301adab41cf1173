import type { Logger } from '../base/logger.ts';
import type { Database } from '../data/database.ts';
import { type ClaimedTitle, endGeneration, releaseGeneration } from '../data/repositories/generations.ts';
import { findFirstExchange, setWrittenTitle } from '../data/repositories/titles.ts';
import { countUsage } from '../data/repositories/usage-days.ts';
import type { Channel } from '../feed/ports.ts';
import type { RunOutcome } from '../queue/generation-consumer.ts';
import { type AnnounceSessionDeps, announceSession } from './announce-session.ts';
import { describeEnd, type StreamEnd } from './describe-end.ts';
import { endRecordOf } from './end-record.ts';
import type { RunningGeneration } from './running-generations.ts';
import type { StreamGeneration } from './stream-generation.ts';
import { cleanTitle, titleTurns } from './title-text.ts';

/** What running a title needs. */
export interface RunTitleDeps extends AnnounceSessionDeps {
  database: Database;
  stream: StreamGeneration;
  log: Logger;
}

/** Writes the title of a session, and tells its room. Nobody watches it being written, and nobody is charged. */
export type RunTitle = (claim: ClaimedTitle, run: RunningGeneration) => Promise<RunOutcome>;

/** Makes the verb. */
export function createRunTitle(deps: RunTitleDeps): RunTitle {
  const { database, stream, log } = deps;

  return async (claim, run) => {
    const exchange = await findFirstExchange(database.db, claim.sessionId);
    const prompt = { turns: exchange ? titleTurns(exchange) : [] };
    let text = '';
    const into = {
      write(piece: string, channel?: Channel): undefined {
        if (!channel) text += piece;
      },
    };
    const pointless = claim.interruptions > 0 || !exchange;
    const end: StreamEnd = pointless
      ? { cancelled: true }
      : await stream({ claim, prompt, into, signal: run.signal });
    if (end.aborted && run.reason() !== 'cancelled') {
      if (run.reason() !== 'handover') return 'done';
      await releaseGeneration(database.db, claim);
      return 'handed-over';
    }

    const described = await describeEnd(end, prompt, { text, reasoning: null });
    const title = end.finishReason ? cleanTitle(text) : undefined;
    const named = await database.transaction(async (db) => {
      const record = endRecordOf(claim, described);
      if (!(await endGeneration(db, claim, record))) return false;
      await countUsage(db, {
        userId: claim.userId,
        model: claim.model,
        kind: 'title',
        status: record.status,
        inputTokens: record.inputTokens ?? 0,
        outputTokens: record.outputTokens ?? 0,
        costUsd: record.costUsd ?? '0',
        credits: record.credits,
      });
      return title !== undefined && (await setWrittenTitle(db, claim.sessionId, title));
    });
    if (named) await announceSession(deps, { id: claim.sessionId, userId: claim.userId });
    log.info({ generationId: claim.id, sessionId: claim.sessionId, named }, 'title ended');
    return 'done';
  };
}
