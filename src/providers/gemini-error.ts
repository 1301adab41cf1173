import { classifyError } from './classify-error.ts';
import { asEntry, type Entry } from './list-models.ts';
import { ProviderError } from './provider.ts';

/** An answer that is not 2xx. The SDK's own error has the status alone. */
export class GeminiHttpError extends Error {
  override readonly name = 'GeminiHttpError';
  readonly status: number;
  readonly headers: Headers;
  /** The `error` of the body; undefined when something in between has answered. */
  readonly error: Entry | undefined;

  private constructor(answer: Response, error: Entry | undefined) {
    super(`Gemini answered ${answer.status}.`);
    this.status = answer.status;
    this.headers = answer.headers;
    this.error = error;
  }

  /** Reads the body of the answer. */
  static async of(answer: Response): Promise<GeminiHttpError> {
    return new GeminiHttpError(answer, errorOf(await answer.text()));
  }
}

/**
 * Classifies by status and by the details that Google's errors have (https://cloud.google.com/apis/design/errors):
 * a wrong key is a plain 400, only its reason tells; the time to wait stands in the body.
 *
 * @param error what was thrown, or the `error` of an event
 */
export function classifyGeminiError(error: unknown): ProviderError {
  const body = error instanceof GeminiHttpError ? error.error : asEntry(error);
  const details = detailsOf(body);
  const known = details.map(({ reason }) => REASONS.get(reason)).find((found) => found !== undefined);
  if (known) return new ProviderError(known.code, known.message);
  // https://ai.google.dev/gemini-api/docs/troubleshooting: no free tier there, and no billing.
  if (body?.status === 'FAILED_PRECONDITION') {
    return new ProviderError('provider_billing', 'The account at the provider has no billing (400).');
  }
  const classified = classifyError(error);
  const delayMs = classified.retryAfterMs ?? delayOf(details);
  return delayMs === classified.retryAfterMs
    ? classified
    : new ProviderError(classified.code, classified.message, { retryAfterMs: delayMs });
}

const WRONG_KEY = { code: 'provider_auth', message: 'The provider refused our key (400).' } as const;

/** Reasons of `google.rpc.ErrorInfo`. */
const REASONS = new Map<unknown, typeof WRONG_KEY>([
  ['API_KEY_INVALID', WRONG_KEY],
  ['API_KEY_EXPIRED', WRONG_KEY],
]);

const DELAY = /^(\d+(?:\.\d+)?)s$/;

/** Of `google.rpc.RetryInfo`, as in `34.07s`, in milliseconds. */
function delayOf(details: Entry[]): number | undefined {
  for (const { retryDelay } of details) {
    const [, seconds] = (typeof retryDelay === 'string' && DELAY.exec(retryDelay)) || [];
    if (seconds !== undefined) return Math.ceil(Number(seconds) * 1000);
  }
  return undefined;
}

function detailsOf(body: Entry | undefined): Entry[] {
  return Array.isArray(body?.details) ? body.details.map(asEntry) : [];
}

/** The body is an object, or a list with one. */
function errorOf(text: string): Entry | undefined {
  try {
    const body: unknown = JSON.parse(text);
    const { error } = asEntry(Array.isArray(body) ? body[0] : body);
    return typeof error === 'object' && error !== null ? (error as Entry) : undefined;
  } catch {
    return undefined;
  }
}
