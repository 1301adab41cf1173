import { AppError, invalidField } from '../../base/errors.ts';
import type { Message } from '../../contracts/message.ts';
import type { ResponseBody } from '../../contracts/openai-responses.ts';
import { createResponse } from '../../contracts/routes/openai-responses.ts';
import { presentResponse } from '../../presenters/openai-response.ts';
import { ResponseEvents } from '../../presenters/openai-response-events.ts';
import { readItemId } from '../../presenters/openai-response-ids.ts';
import { type ReferredMessages, responseCall } from '../../presenters/openai-response-prompt.ts';
import type { Calls } from '../../services/calls.ts';
import { type CallDoor, streamCall, waitForCall } from '../answer-call.ts';
import { idempotencyKey } from '../idempotency-key.ts';
import { mountRoute } from '../mount-route.ts';
import type { RouteModule } from '../route-table.ts';

/** Most answers that one request refers to: each is looked up. */
const MAX_REFERRED = 200;

/** `POST /v1/responses`. */
export function openAiResponseRoutes(door: CallDoor): RouteModule {
  return (table) => {
    mountRoute(table, createResponse, async ({ body }, { identity, requestId, headers, ctx }) => {
      const referred = await findReferred(door.calls, identity.userId, body);
      const call = await door.calls.start(identity, idempotencyKey(headers), responseCall(body, referred));
      if (body.stream) {
        const teller = new ResponseEvents(call, body);
        return streamCall(door, { call, teller, identity, requestId, ctx });
      }
      const message = await waitForCall(door, call, ctx);
      return message && presentResponse(call, body, message);
    });
  };
}

/**
 * The answers that a conversation refers to: the Vercel AI SDK sends the ids of what was answered, not the texts.
 *
 * @throws {AppError} `not_found` for one that is not there any more
 */
async function findReferred(
  calls: Calls,
  userId: string,
  { input }: ResponseBody,
): Promise<ReferredMessages> {
  const found = new Map<string, Message>();
  if (typeof input === 'string') return found;
  for (const [index, item] of input.entries()) {
    if (item.type !== 'item_reference') continue;
    const path = `body.input.${index}.id`;
    const { messageId } = readItemId(item.id) ?? {};
    if (messageId === undefined) throw gone(path, item.id);
    if (found.has(messageId)) continue;
    if (found.size === MAX_REFERRED)
      throw invalidField('body.input', `must refer to at most ${MAX_REFERRED} answers`);
    const { message } = await calls.find(userId, messageId).catch((error: unknown) => {
      throw error instanceof AppError ? gone(path, item.id) : error;
    });
    found.set(messageId, message);
  }
  return found;
}

function gone(path: string, id: string): AppError {
  const message = `Item with id ${JSON.stringify(id)} not found: answers are kept for an hour. Send the text itself (with store: false, clients do).`;
  return new AppError('not_found', `${path}: ${message}`, { errors: [{ path, message }] });
}
