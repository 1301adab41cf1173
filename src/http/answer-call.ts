import { AppError, toProblem } from '../base/errors.ts';
import type { Message } from '../contracts/message.ts';
import type { CallTeller, ToldEvent } from '../presenters/call-teller.ts';
import { presentProblem } from '../presenters/problem.ts';
import { callFailure, callGone, callInterrupted, isWithoutAnswer } from '../services/call-failure.ts';
import type { Calls, StartedCall } from '../services/calls.ts';
import type { ReplyEvent } from '../services/follow-replies.ts';
import type { Identity } from '../services/identity.ts';

import { type CallStream, type OpenCallStream, openCallStream, toldAsFailure } from './call-stream.ts';
import { clientGone } from './client-gone.ts';
import type { AppContext } from './context.ts';

/** What every door of one-shot calls works with. */
export interface CallDoor {
  calls: Calls;
  openStream: OpenCallStream;
}

/**
 * Waits until a call has ended, for an answer that is sent whole.
 *
 * @returns undefined when whoever asked has left, which stops the call
 * @throws {AppError} what it failed with, when there is nothing to answer with; `conflict` when it was deleted
 */
export async function waitForCall(
  { calls }: Pick<CallDoor, 'calls'>,
  call: StartedCall,
  ctx: AppContext,
): Promise<Message | undefined> {
  const signal = clientGone(ctx);
  const message = await calls.wait(call, signal);
  if (message) {
    const failure = callFailure(message);
    if (failure && isWithoutAnswer(message)) throw failure;
    return message;
  }
  if (!signal.aborted) throw callGone();
  ctx.respond = false;
  return undefined;
}

/** A call that is to be streamed. */
export interface StreamedCall {
  call: StartedCall;
  teller: CallTeller;
  identity: Identity;
  requestId: string;
  ctx: AppContext;
  /** A stream that was begun already; left out: it begins with the first word, and what fails before it is refused. */
  begun?: CallStream;
}

/**
 * Streams a call in the events of one API. Whoever leaves stops the call.
 *
 * @throws {AppError} what it failed with before the first word; `conflict` when it was deleted
 */
export async function streamCall(
  { calls, openStream }: CallDoor,
  streamed: StreamedCall,
): Promise<undefined> {
  const { call, teller, identity, requestId, ctx } = streamed;
  let stream = streamed.begun;
  try {
    for await (const event of calls.follow(call, closed(ctx))) {
      if (!stream) {
        refuse(event);
        stream = openCallStream(openStream, { identity, ctx, farewell: toldAsFailure(teller, requestId) });
        await stream.tell(teller.begin());
      }
      await stream.tell(await tellEvent(event, teller, requestId));
      // Cut off in the middle of its text. Leaving stops the call.
      if (event.type === 'restart') break;
    }
  } catch (error) {
    await stream?.tell(await teller.fail(presentProblem(error, requestId)));
    // What the client was told of is nothing that failed here.
    if (!stream || !(error instanceof AppError)) throw error;
  }
  stream?.end();
  // Nobody is there any more.
  ctx.respond = false;
  return undefined;
}

/** Aborts with the stream, whoever ended it: the client, or this side, because the sign-in has ended. */
function closed({ res }: AppContext): AbortSignal {
  const over = new AbortController();
  if (res.destroyed) over.abort();
  else res.once('close', () => over.abort());
  return over.signal;
}

/** What is no answer at all is refused. */
function refuse(event: ReplyEvent): void {
  if (event.type === 'gone') throw callGone();
  const failure = event.type === 'end' ? callFailure(event.message) : undefined;
  if (failure) throw failure;
}

/** What an event becomes in the words of an API. */
async function tellEvent(event: ReplyEvent, teller: CallTeller, requestId: string): Promise<ToldEvent[]> {
  if (event.type === 'delta') return teller.delta(event);
  if (event.type === 'restart') return teller.fail(toProblem(callInterrupted(), requestId));
  if (event.type === 'gone') return teller.fail(toProblem(callGone(), requestId));
  const failure = callFailure(event.message);
  return failure ? teller.fail(toProblem(failure, requestId), event.message) : teller.end(event.message);
}
