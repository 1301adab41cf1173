import type { IncomingMessage } from 'node:http';

/**
 * The session of Engine.IO that a request says it belongs to; undefined for one that wants to open one. Of several it is
 * the last, as for Engine.IO itself.
 */
export function sessionIdOf({ url = '' }: Pick<IncomingMessage, 'url'>): string | undefined {
  return new URL(url, 'http://localhost').searchParams.getAll('sid').at(-1) || undefined;
}
