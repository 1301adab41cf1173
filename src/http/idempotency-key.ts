import { parseInput } from '../base/validation.ts';
import { idempotencyKeySchema } from '../contracts/routes/messages.ts';
import type { AppContext } from './context.ts';

/** The `Idempotency-Key` header; undefined without one. @throws {AppError} `validation_failed` */
export function idempotencyKey(ctx: AppContext): string | undefined {
  const key = ctx.headers['idempotency-key'];
  return key === undefined ? undefined : parseInput(idempotencyKeySchema, key, 'headers.idempotency-key');
}
