import { AppError } from '../../src/base/errors.ts';

/** Why something was refused. */
export interface Refusal {
  code: string;
  /** The fields that it names. */
  paths: string[];
}

/** The refusal of what must be refused; anything else fails the test. */
export async function refusalOf(work: Promise<unknown>): Promise<Refusal> {
  const error: unknown = await work.then(
    () => new Error('It was not refused.'),
    (reason: unknown) => reason,
  );
  if (!(error instanceof AppError)) throw error;
  return { code: error.code, paths: (error.errors ?? []).map(({ path }) => path) };
}
