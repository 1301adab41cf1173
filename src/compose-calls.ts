import type { DoorParts } from './door-parts.ts';
import type { CallDoor } from './http/answer-call.ts';
import type { RouteModule } from './http/route-table.ts';
import { anthropicMessageRoutes } from './http/routes/anthropic-messages.ts';
import { openAiChatRoutes } from './http/routes/openai-chat.ts';
import { openAiResponseRoutes } from './http/routes/openai-responses.ts';
import { textRoutes } from './http/routes/text.ts';
import { callableModelRoutes } from './http/routes/v1-models.ts';
import { createCallableModels } from './services/callable-models.ts';
import { createCalls } from './services/calls.ts';
import { countPrompt } from './services/count-prompt.ts';
import { createReadBalance } from './services/read-balance.ts';
import { createWatchedCalls } from './services/watched-calls.ts';

/** Builds the doors of one-shot calls, under `/v1`. */
export function composeCalls(doors: DoorParts): RouteModule[] {
  const { core, access, streams } = doors;
  const { models, inrPerUsd } = core;
  const { database } = core.resources;
  const door: CallDoor = {
    calls: createCalls({
      ...doors,
      database,
      models,
      inrPerUsd,
      watched: createWatchedCalls({ database, log: core.log }),
    }),
    // A call that was admitted is answered to its end, also when the token expires meanwhile: nobody could renew it.
    openStream: (response, identity, interrupt) =>
      streams.open(response, { ...identity, expiresAt: Number.POSITIVE_INFINITY }, undefined, interrupt),
  };
  const callableModels = createCallableModels({ database, models, access });
  const readBalance = createReadBalance(database);
  return [
    textRoutes({ ...door, balanceOf: async (userId) => (await readBalance(userId)).balance }),
    openAiChatRoutes(door),
    openAiResponseRoutes(door),
    anthropicMessageRoutes({ ...door, callableModels, countPrompt }),
    callableModelRoutes({ callableModels }),
  ];
}
