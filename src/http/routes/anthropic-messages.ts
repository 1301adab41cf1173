import type { PromptInput } from '../../contracts/prompt.ts';
import { countAnthropicTokens, createAnthropicMessage } from '../../contracts/routes/anthropic-messages.ts';
import { AnthropicEvents } from '../../presenters/anthropic-events.ts';
import { presentAnthropicMessage } from '../../presenters/anthropic-message.ts';
import { anthropicCall, anthropicPrompt } from '../../presenters/anthropic-prompt.ts';
import type { CallableModels } from '../../services/callable-models.ts';
import { type CallDoor, streamCall, waitForCall } from '../answer-call.ts';
import { idempotencyKey } from '../idempotency-key.ts';
import { mountRoute } from '../mount-route.ts';
import type { RouteModule } from '../route-table.ts';

/** What Anthropic's messages work with. */
export interface AnthropicRouteDeps extends CallDoor {
  callableModels: Pick<CallableModels, 'get'>;
  /** About how many tokens a prompt has. */
  countPrompt: (prompt: PromptInput) => Promise<number>;
}

/** `POST /v1/messages`, and what a prompt has. */
export function anthropicMessageRoutes(door: AnthropicRouteDeps): RouteModule {
  return (table) => {
    mountRoute(table, createAnthropicMessage, async ({ body }, { identity, requestId, headers, ctx }) => {
      // The header in which its client looks for the id.
      ctx.set('request-id', requestId);
      const call = await door.calls.start(identity, idempotencyKey(headers), anthropicCall(body));
      if (body.stream) {
        return streamCall(door, { call, teller: new AnthropicEvents(call), identity, requestId, ctx });
      }
      const message = await waitForCall(door, call, ctx);
      return message && presentAnthropicMessage(call, message);
    });

    mountRoute(table, countAnthropicTokens, async ({ body }, { identity, requestId, ctx }) => {
      ctx.set('request-id', requestId);
      await door.callableModels.get(identity.userId, body.model, 'body.model');
      return { input_tokens: await door.countPrompt(anthropicPrompt(body)) };
    });
  };
}
