import type { EnhanceActionName } from '../contracts/enhancement.ts';
import type { EnhancementEvent } from '../contracts/enhancement-events.ts';
import type { Have } from '../contracts/events.ts';
import type { EnhancementRow } from '../data/repositories/enhancements.ts';
import { tellEnhancement } from './enhance/tell-enhancement.ts';
import type { FollowReplies } from './follow-replies.ts';
import { fromTheStart, resumeReplies, type SentEvent } from './resume-replies.ts';

/**
 * The events of an enhancement from where a client left off, or else from its start, to its end. Whoever leaves stops nothing.
 *
 * @param have - what the client has; empty: nothing
 * @returns undefined when it has been told the end
 */
export type StreamEnhancement = (
  enhancement: EnhancementRow,
  have: readonly Have[],
) => ((signal: AbortSignal) => AsyncIterable<SentEvent>) | undefined;

/** Makes the verb. */
export function createStreamEnhancement(followReplies: FollowReplies): StreamEnhancement {
  return (enhancement, have) => {
    const { sessionId, replyId, metadata, model, expiresAt } = enhancement;
    const [has = fromTheStart([replyId])[0] as Have] = have.filter(({ messageId }) => messageId === replyId);
    if (has.done) return undefined;
    const begun: EnhancementEvent[] = [
      {
        event: 'connected',
        data: {
          sessionId,
          action: enhancement.action as EnhanceActionName,
          model,
          expiresAt: expiresAt.toISOString(),
        },
      },
      { event: 'metadata', data: metadata },
    ];
    return async function* (signal) {
      yield* begun;
      for await (const { event, id } of resumeReplies(followReplies, { sessionId, have: [has], signal })) {
        const told = await tellEnhancement(event);
        if (told) yield { ...told, id };
      }
    };
  };
}
