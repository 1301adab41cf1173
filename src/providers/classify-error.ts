import type { GenerationErrorCode } from '../contracts/errors.ts';
import { ProviderError } from './provider.ts';
import { retryAfterMs } from './retry-after.ts';

/**
 * Turns whatever an SDK, the network or a wire's error event brings into a {@link ProviderError}: by status and
 * by code, never by message text. The message is made of our words, the status and codes that we know, and the
 * cause is dropped, because providers quote keys and prompts in theirs.
 */
export function classifyError(error: unknown): ProviderError {
  if (error instanceof ProviderError) return error;
  const facts = factsOf(error);
  const told = facts.codes.find((code) => TELLING.has(code));
  const code = (told && TELLING.get(told)) ?? codeOfStatus(facts);
  if (code) return makeError(code, facts, told);
  const broad = facts.codes.find((name) => BROAD.has(name));
  return makeError((broad && BROAD.get(broad)) || 'provider_failed', facts, broad);
}

interface Facts {
  status: number | undefined;
  /** Codes and types, the outermost first. */
  codes: string[];
  headers: Headers | undefined;
  /** The answer's body named an error, so it came from the API and not from something in between. */
  hasBody: boolean;
}

/** What the SDKs' errors and the error objects of both wires may have; nothing of it is trusted. */
interface ErrorLike {
  status?: unknown;
  code?: unknown;
  errorCode?: unknown;
  type?: unknown;
  headers?: unknown;
  error?: unknown;
  cause?: unknown;
  constructor?: { name?: unknown };
}

function factsOf(error: unknown): Facts {
  const facts: Facts = { status: undefined, codes: [], headers: undefined, hasBody: false };
  const classes: string[] = [];
  // An SDK wraps what the network threw, and that wraps what the system said.
  let at = error as ErrorLike | null | undefined;
  for (let depth = 0; depth < 5 && typeof at === 'object' && at !== null; depth += 1) {
    // OpenRouter and vLLM put the HTTP status into `code`.
    facts.status ??= asStatus(at.status) ?? asStatus(at.code);
    facts.headers ??= at.headers instanceof Headers ? at.headers : undefined;
    facts.hasBody ||= at.error !== undefined && at.error !== null;
    for (const code of [at.code, at.errorCode, at.type]) if (typeof code === 'string') facts.codes.push(code);
    if (typeof at.constructor?.name === 'string') classes.push(at.constructor.name);
    at = at.cause as ErrorLike | null | undefined;
  }
  // The SDKs give their connection errors no code, and a timeout no cause: the class is the only mark.
  facts.codes.push(...classes);
  return facts;
}

/** A number, or the text of one; of other JSON not even `Number` can be asked without harm. */
function asStatus(value: unknown): number | undefined {
  const status = typeof value === 'string' ? Number(value) : value;
  const isStatus = typeof status === 'number' && Number.isInteger(status) && status >= 400 && status < 600;
  return isStatus ? status : undefined;
}

function codeOfStatus({ status, hasBody }: Facts): GenerationErrorCode | undefined {
  if (status === undefined) return undefined;
  // A 404 that names no error comes from a wrong base URL, or from something in between.
  if (status === 404 && hasBody) return 'model_not_available';
  return STATUSES.get(status) ?? (status >= 500 ? 'overloaded' : 'provider_failed');
}

function makeError(code: GenerationErrorCode, { status, headers }: Facts, known: string | undefined) {
  const details = [status, known].filter((detail) => detail !== undefined).join(', ');
  const message = `${SENTENCES[code] ?? 'The provider failed'}${details && ` (${details})`}.`;
  return new ProviderError(code, message, { retryAfterMs: retryAfterMs(headers) });
}

/**
 * Other 4xx are no verdict about what was asked (405, 407, 421, 451 come from whatever stands between): another provider
 * may answer it. Other 5xx pass by themselves: `overloaded`, which is worth another try.
 */
const STATUSES = new Map<number, GenerationErrorCode>([
  [400, 'bad_request'],
  [401, 'provider_auth'],
  [402, 'provider_billing'],
  [403, 'provider_auth'],
  [408, 'timeout'],
  [413, 'bad_request'],
  [422, 'bad_request'],
  [429, 'rate_limited'],
  [499, 'network'],
  [501, 'provider_failed'],
  [504, 'timeout'],
  [505, 'provider_failed'],
  [522, 'timeout'],
  [524, 'timeout'],
]);

/** Codes that say more than the status they come with. */
const TELLING = new Map<string, GenerationErrorCode>([
  ['insufficient_quota', 'provider_billing'],
  ['billing_hard_limit_reached', 'provider_billing'],
  ['billing_not_active', 'provider_billing'],
  ['billing_error', 'provider_billing'],
  ['contract_spend_limit_reached', 'provider_billing'],
  ['enforced_spend_limit_reached', 'provider_billing'],
  ['content_filter', 'content_filter'],
  ['content_policy_violation', 'content_filter'],
  ['model_not_found', 'model_not_available'],
  // Hugging Face, with a 400: none of its providers serves the model.
  ['model_not_supported', 'model_not_available'],
  ['context_length_exceeded', 'bad_request'],
  ['invalid_api_key', 'provider_auth'],
  ['rate_limit_exceeded', 'rate_limited'],
  ['overloaded_error', 'overloaded'],
]);

/** Codes that count where there is no status: error events inside a stream, and failures of the network. */
const BROAD = new Map<string, GenerationErrorCode>([
  ['authentication_error', 'provider_auth'],
  ['permission_error', 'provider_auth'],
  ['rate_limit_error', 'rate_limited'],
  ['timeout_error', 'timeout'],
  ['api_error', 'overloaded'],
  ['server_error', 'overloaded'],
  ['invalid_request_error', 'bad_request'],
  ['request_too_large', 'bad_request'],
  ['not_found_error', 'model_not_available'],
  ['ETIMEDOUT', 'timeout'],
  ['UND_ERR_CONNECT_TIMEOUT', 'timeout'],
  ['UND_ERR_HEADERS_TIMEOUT', 'timeout'],
  ['UND_ERR_BODY_TIMEOUT', 'timeout'],
  ['ECONNRESET', 'network'],
  ['ECONNREFUSED', 'network'],
  ['ECONNABORTED', 'network'],
  ['EPIPE', 'network'],
  ['ENOTFOUND', 'network'],
  ['EAI_AGAIN', 'network'],
  ['EHOSTUNREACH', 'network'],
  ['ENETUNREACH', 'network'],
  ['UND_ERR_SOCKET', 'network'],
  ['UND_ERR_CLOSED', 'network'],
  ['UND_ERR_DESTROYED', 'network'],
  ['APIConnectionTimeoutError', 'timeout'],
  ['APIConnectionError', 'network'],
]);

const SENTENCES: Readonly<Partial<Record<GenerationErrorCode, string>>> = {
  rate_limited: 'The provider limits how often it may be asked',
  overloaded: 'The provider is overloaded or failing',
  timeout: 'The provider did not answer in time',
  network: 'The connection to the provider failed',
  provider_auth: 'The provider refused our key',
  provider_billing: 'The account at the provider has no credit',
  bad_request: 'The provider refused the request',
  content_filter: 'The provider refused the content',
  model_not_available: 'The provider does not have the model',
};
