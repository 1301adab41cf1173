import { authSchema } from '../../contracts/events.ts';
import type { Authenticate } from '../../services/authenticate.ts';
import { defineHandler } from './handler.ts';

/** `auth`: goes on with a fresh token. `authenticate` also refuses who may not be in the namespace. */
export function renewAuthHandler(authenticate: Authenticate) {
  return defineHandler(authSchema, async (connection, { token }) => {
    const identity = await authenticate(token);
    connection.renew(identity);
    return { expiresAt: new Date(identity.expiresAt).toISOString() };
  });
}
