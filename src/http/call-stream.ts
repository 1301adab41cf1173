import type { ServerResponse } from 'node:http';
import { toProblem } from '../base/errors.ts';
import type { CallTeller, ToldEvent } from '../presenters/call-teller.ts';
import { callCutOff } from '../services/call-failure.ts';
import type { Identity } from '../services/identity.ts';
import type { AppContext } from './context.ts';

/** A stream of server-sent events. */
interface EventStream {
  send(data: unknown, event?: { event?: string | undefined; id?: string | undefined }): Promise<void>;
  end(): void;
}

/**
 * Begins a stream, which goes on until the call has ended.
 *
 * @param interrupt what becomes of it where its sign-in is revoked, or the process stops
 */
export type OpenCallStream = (
  response: ServerResponse,
  identity: Identity,
  interrupt: (response: ServerResponse) => void,
) => EventStream;

/** A call, told in a stream. */
export interface CallStream {
  /** Resolves once it has left this process. */
  tell(events: readonly ToldEvent[]): Promise<void>;
  end(): void;
}

/** What begins a stream of a call. */
export interface BegunCall {
  identity: Identity;
  ctx: AppContext;
  /** What is told before a stream is cut off from outside; of one that tells nothing, the connection breaks off. */
  farewell: () => ToldEvent[] | Promise<ToldEvent[]>;
}

/** Begins it. A stream that is cut off never ends in good order: its text would be taken for a whole one. */
export function openCallStream(open: OpenCallStream, { identity, ctx, farewell }: BegunCall): CallStream {
  const interrupt = async (response: ServerResponse) => {
    const events = await farewell();
    // It may have been told to its end meanwhile, and only be read still.
    if (response.writableEnded) return;
    if (events.length === 0) {
      response.destroy();
      return;
    }
    // All of it before the end; who does not read it is not waited for.
    for (const event of events) void send(event.data, event);
    end();
  };
  ctx.respond = false;
  const { send, end } = open(ctx.res, identity, (response) => {
    interrupt(response).catch(() => response.destroy());
  });
  return {
    async tell(events) {
      for (const event of events) await send(event.data, event);
    },
    end,
  };
}

/** The farewell of an API whose clients do not come back to a stream. */
export const toldAsFailure = (teller: CallTeller, requestId: string) => () =>
  teller.fail(toProblem(callCutOff(), requestId));
