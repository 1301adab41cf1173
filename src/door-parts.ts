import type { Core } from './compose.ts';
import type { EventStreams } from './realtime/event-streams.ts';
import type { AccessDirectory } from './services/access.ts';
import type { Background } from './services/background.ts';
import type { FollowReplies } from './services/follow-replies.ts';
import type { Messages } from './services/messages.ts';
import type { PostTurn } from './services/post-turn.ts';
import type { RateLimits } from './services/rate-limits.ts';
import type { SendMessage } from './services/send-message.ts';
import type { Sessions } from './services/sessions.ts';
import type { StopGeneration } from './services/stop-generation.ts';

/** What the doors to the pipeline are made of: none has a way of its own to ask, follow, stop, count or charge. */
export interface DoorParts extends Pick<StopGeneration, 'stopMessage' | 'stopSession'> {
  core: Core;
  /** What an account may do now. */
  access: AccessDirectory;
  postTurn: PostTurn;
  sendMessage: SendMessage;
  followReplies: FollowReplies;
  streams: Pick<EventStreams, 'open'>;
  sessions: Sessions;
  messages: Messages;
  rateLimits: RateLimits;
  background: Background;
}
