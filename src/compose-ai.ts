import type { DoorParts } from './door-parts.ts';
import type { RouteModule } from './http/route-table.ts';
import { aiRoutes } from './http/routes/ai.ts';
import { aiEntityRoutes } from './http/routes/ai-entities.ts';
import { createAiEntities } from './services/ai-entities.ts';
import { createEnhanceText } from './services/enhance-text.ts';
import { createEnhancements } from './services/enhancements.ts';
import { detectorsFor } from './services/masking/detectors.ts';
import { createStreamEnhancement } from './services/stream-enhancement.ts';
import { createUserStatistics } from './services/user-stats.ts';

/** Builds `/ai`: enhancements of texts, and the records that they are told of. */
export function composeAi({
  core,
  access,
  postTurn,
  rateLimits,
  followReplies,
  stopSession,
  streams,
}: DoorParts): RouteModule[] {
  const { config, log, limits, inrPerUsd, models, defaultModel, liveMessages } = core;
  const { database } = core.resources;
  const { ofWindow } = createUserStatistics({ database, limits, inrPerUsd });
  const enhanceText = createEnhanceText({
    database,
    models,
    access,
    defaultModel,
    postTurn,
    usageOf: ofWindow,
    rateLimit: rateLimits.generation,
    detectors: detectorsFor(config.AI_MASK_COUNTRY),
    maxTextUnits: config.MAX_MESSAGE_CHARS,
    contextTokens: config.AI_CONTEXT_TOKENS,
    reserveTokens: config.HOLD_OUTPUT_TOKENS,
    ttlHours: config.AI_SESSION_TTL_HOURS,
  });
  const enhancements = createEnhancements({ database, messages: liveMessages, stopSession });
  return [
    aiRoutes({
      enhanceText,
      enhancements,
      streamEnhancement: createStreamEnhancement(followReplies),
      openStream: streams.open,
      log,
    }),
    aiEntityRoutes({ aiEntities: createAiEntities(database) }),
  ];
}
