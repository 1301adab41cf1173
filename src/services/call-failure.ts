import { AppError } from '../base/errors.ts';
import type { ErrorCode, GenerationErrorCode } from '../contracts/errors.ts';
import type { Message } from '../contracts/message.ts';

/** What is not the provider's fault; all else is. */
const CODES: Partial<Record<GenerationErrorCode, ErrorCode>> = {
  bad_request: 'validation_failed',
  content_filter: 'content_filter',
  internal: 'internal',
};

/** Why a call has failed, as a refusal; undefined for one that has not. */
export function callFailure({ status, error }: Pick<Message, 'status' | 'error'>): AppError | undefined {
  if (status !== 'failed') return undefined;
  const code = error ? (CODES[error.code] ?? 'provider_failed') : 'internal';
  return new AppError(code, error?.message || 'The answer could not be written.');
}

/** A call has left nothing that could be answered with, and that was charged: thoughts are both. */
export const isWithoutAnswer = ({
  content,
  reasoning,
  toolCalls,
}: Pick<Message, 'content' | 'reasoning' | 'toolCalls'>): boolean =>
  content === '' && !reasoning && toolCalls.length === 0;

/** For a call whose rows are gone: an hour old, or deleted by its owner. */
export const callGone = (): AppError =>
  new AppError('conflict', 'What this call has answered is not kept any more.');

/** For a stream that is ended in the middle of its text, by something that has nothing to do with the call. */
export const callCutOff = (): AppError =>
  new AppError(
    'not_ready',
    'The answer was cut off: what asked for it was revoked, or this server stops. The text is not whole.',
  );

/** For a stream whose text begins again, when some of it was told already. */
export const callInterrupted = (): AppError =>
  new AppError(
    'provider_failed',
    'The answer broke off, and what was told of it cannot be taken back. Ask again.',
  );
