import { AppError, isFailure } from '../base/errors.ts';
import type { AccessDirectory } from '../services/access.ts';
import type { Authorize } from '../services/authorize.ts';
import type { Identity } from '../services/identity.ts';

/** What is asked of whoever reads sessions as they are written. */
export const CHAT = { permission: 'chat.use', scope: 'chat' } as const;

/** What {@link watchAccess} asks. */
export interface WatchAccessDeps {
  access: Pick<AccessDirectory, 'onChanged'>;
  authorize: Authorize;
}

/** What somebody has open. */
export interface Watched {
  /** Who it is of, as of now. */
  identity: () => Identity;
  /** Ends it. May be called more than once. */
  end: () => void;
}

/**
 * Ends what somebody has open who may not chat any more, as soon as that is told: whoever only listens is asked nothing else.
 * Returns how to stop.
 */
export function watchAccess({ access, authorize }: WatchAccessDeps, { identity, end }: Watched): () => void {
  const check = async () => {
    try {
      await authorize(identity(), CHAT);
    } catch (error) {
      // That nobody can tell just now is no reason to end anything.
      if (error instanceof AppError && !isFailure(error)) end();
    }
  };
  // It may have changed while this was being opened, when nobody was told.
  void check();
  return access.onChanged((userId) => {
    if (userId === undefined || userId === identity().userId) void check();
  });
}
