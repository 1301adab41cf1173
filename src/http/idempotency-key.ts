import { parseInput } from '../base/validation.ts';
import { idempotencyKeySchema } from '../contracts/routes/messages.ts';

/** The `Idempotency-Key` header; undefined without one. @throws {AppError} `validation_failed` */
export function idempotencyKey(headers: { 'Idempotency-Key': string | undefined }): string | undefined {
  const key = headers['Idempotency-Key'];
  return key === undefined ? undefined : parseInput(idempotencyKeySchema, key, 'headers.idempotency-key');
}
