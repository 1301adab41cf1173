import type { Have } from '../../contracts/events.ts';
import { generateText, streamTextByBody, streamTextByQuery } from '../../contracts/routes/text.ts';
import { presentText, textCall } from '../../presenters/text.ts';
import { textEvents } from '../../presenters/text-events.ts';
import type { StartedCall } from '../../services/calls.ts';
import type { Identity } from '../../services/identity.ts';
import { type CallDoor, streamCall, waitForCall } from '../answer-call.ts';
import { openCallStream } from '../call-stream.ts';
import type { AppContext } from '../context.ts';
import { idempotencyKey } from '../idempotency-key.ts';
import { lastEvent, positionsIn } from '../last-event.ts';
import { mountRoute } from '../mount-route.ts';
import type { RouteModule } from '../route-table.ts';
import { sendNothingMore } from '../send-events.ts';

/** What the text API works with. */
export interface TextRouteDeps extends CallDoor {
  /** What a user has now, in credits. */
  balanceOf: (userId: string) => Promise<number>;
}

/** The text API: `/v1/generate` and `/v1/stream`. */
export function textRoutes(door: TextRouteDeps): RouteModule {
  const { calls, balanceOf } = door;

  interface Asked {
    identity: Identity;
    requestId: string;
    ctx: AppContext;
  }
  /** Begins at once, so that an EventSource that loses its connection in the next moment knows what it has started. */
  async function stream(call: StartedCall, { identity, requestId, ctx }: Asked, from?: Have): Promise<void> {
    const balance = () => balanceOf(identity.userId);
    const teller = textEvents(call, { balance, from });
    // An EventSource comes back by itself, and gets the rest. After an error it would not.
    const farewell = () => [];
    const begun = openCallStream(door.openStream, { identity, ctx, farewell });
    if (!from) await begun.tell(teller.begin());
    await streamCall(door, { call, teller, identity, requestId, ctx, begun });
  }

  return (table) => {
    mountRoute(table, generateText, async ({ body }, { identity, headers, ctx }) => {
      const call = await calls.start(identity, idempotencyKey(headers), textCall(body, 'body'));
      const message = await waitForCall(door, call, ctx);
      return message && presentText(call, message, await balanceOf(identity.userId));
    });

    mountRoute(table, streamTextByBody, async ({ body }, context) => {
      const { identity, headers } = context;
      await stream(await calls.start(identity, idempotencyKey(headers), textCall(body, 'body')), context);
    });

    mountRoute(table, streamTextByQuery, async ({ query }, context) => {
      const { identity, headers, ctx } = context;
      if (ctx.method === 'HEAD') return;
      // Its streams are of one text each.
      const [from] = positionsIn(lastEvent(headers)) ?? [];
      if (from?.done) return sendNothingMore(ctx);
      if (from) return stream((await calls.find(identity.userId, from.messageId)).call, context, from);
      const { clientMessageId, ticket: _ticket, ...asked } = query;
      await stream(await calls.start(identity, clientMessageId, textCall(asked, 'query')), context);
    });
  };
}
