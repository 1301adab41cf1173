import type { DoorParts } from './door-parts.ts';
import type { RouteModule } from './http/route-table.ts';
import { chatRoutes } from './http/routes/chat.ts';
import { playgroundRoutes } from './http/routes/playground.ts';
import { createChatReply } from './services/chat-reply.ts';
import { createChats } from './services/chats.ts';
import { createPlaygroundRuns } from './services/playground-runs.ts';
import { createStartChat } from './services/start-chat.ts';
import { createStartRun } from './services/start-run.ts';
import { createStreamRun } from './services/stream-run.ts';

/** Builds the doors of what is kept and can be come back to: the playground, and chats in one call. */
export function composeConversations(doors: DoorParts): RouteModule[] {
  const { core, access, postTurn, followReplies, sessions, messages, streams } = doors;
  const { log, models, announce, inrPerUsd, liveMessages, defaultModel } = core;
  const { database } = core.resources;
  const posting = { database, models, postTurn, announce, inrPerUsd };
  const streaming = { openStream: streams.open, log };
  return [
    playgroundRoutes({
      ...streaming,
      startRun: createStartRun(posting),
      streamRun: createStreamRun({ database, followReplies, inrPerUsd }),
      runs: createPlaygroundRuns({ database, sessions, present: liveMessages.present, inrPerUsd }),
    }),
    chatRoutes({
      ...streaming,
      startChat: createStartChat({ ...posting, access, defaultModel }),
      chatReply: createChatReply({ database, followReplies, inrPerUsd }),
      chats: createChats(database),
      sessions,
      messages,
    }),
  ];
}
