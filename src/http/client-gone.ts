import type { AppContext } from './context.ts';

/** Aborts when the client has left before its answer was whole. Of an answer that was sent it never does. */
export function clientGone({ res }: AppContext): AbortSignal {
  const gone = new AbortController();
  const left = () => {
    if (!res.writableFinished) gone.abort();
  };
  if (res.destroyed) left();
  else res.once('close', left);
  return gone.signal;
}
