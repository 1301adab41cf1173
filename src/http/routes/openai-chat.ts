import { createChatCompletion } from '../../contracts/routes/openai-chat.ts';
import { presentChatCompletion } from '../../presenters/openai-chat.ts';
import { chatChunks } from '../../presenters/openai-chat-chunks.ts';
import { chatCall } from '../../presenters/openai-chat-prompt.ts';
import { type CallDoor, streamCall, waitForCall } from '../answer-call.ts';
import { idempotencyKey } from '../idempotency-key.ts';
import { mountRoute } from '../mount-route.ts';
import type { RouteModule } from '../route-table.ts';

/** `POST /v1/chat/completions`. */
export function openAiChatRoutes(door: CallDoor): RouteModule {
  return (table) => {
    mountRoute(table, createChatCompletion, async ({ body }, { identity, requestId, headers, ctx }) => {
      const call = await door.calls.start(identity, idempotencyKey(headers), chatCall(body));
      if (body.stream) {
        const teller = chatChunks(call, body.stream_options ?? {});
        return streamCall(door, { call, teller, identity, requestId, ctx });
      }
      const message = await waitForCall(door, call, ctx);
      return message && presentChatCompletion(call, message);
    });
  };
}
