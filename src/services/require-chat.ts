import { invalidField } from '../base/errors.ts';
import type { SessionRecord } from '../data/entities/session.ts';

/**
 * Refuses a session that another door has opened: what is said in it goes through that.
 *
 * @param path where the session is named, as in `body.sessionId`
 * @throws {AppError} `validation_failed`
 */
export function requireChat({ kind }: Pick<SessionRecord, 'kind'>, path: string): void {
  if (kind !== 'chat') throw invalidField(path, `must be a chat, and is of the kind \`${kind}\``);
}
