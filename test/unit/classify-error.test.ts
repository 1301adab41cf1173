import AnthropicSdk from '@anthropic-ai/sdk';
import { expect } from 'chai';
import OpenAiSdk from 'openai';
import type { GenerationErrorCode } from '../../src/contracts/errors.ts';
import { classifyError } from '../../src/providers/classify-error.ts';
import { ProviderError } from '../../src/providers/provider.ts';

const SECRET = 'sk-secret and the prompt';

function openAi(status: number, error: object | undefined, headers: Record<string, string> = {}) {
  return OpenAiSdk.APIError.generate(status, error && { error }, SECRET, new Headers(headers));
}

function anthropic(status: number, type: string, headers: Record<string, string> = {}) {
  const body = { type: 'error', error: { type, message: SECRET } };
  return AnthropicSdk.APIError.generate(status, body, undefined, new Headers(headers));
}

function systemError(code: string): Error {
  return Object.assign(new Error(SECRET), { code });
}

describe('classifyError', () => {
  const statuses: [number, GenerationErrorCode][] = [
    [400, 'bad_request'],
    [401, 'provider_auth'],
    [402, 'provider_billing'],
    [403, 'provider_auth'],
    [404, 'model_not_available'],
    [405, 'provider_failed'],
    [407, 'provider_failed'],
    [408, 'timeout'],
    [409, 'provider_failed'],
    [413, 'bad_request'],
    [421, 'provider_failed'],
    [422, 'bad_request'],
    [451, 'provider_failed'],
    [429, 'rate_limited'],
    [499, 'network'],
    [500, 'overloaded'],
    [505, 'provider_failed'],
    [522, 'timeout'],
    [501, 'provider_failed'],
    [502, 'overloaded'],
    [503, 'overloaded'],
    [504, 'timeout'],
    [520, 'overloaded'],
    [524, 'timeout'],
    [529, 'overloaded'],
  ];
  for (const [status, code] of statuses) {
    it(`reads status ${status} as ${code}, from either SDK`, () => {
      expect(classifyError(openAi(status, { message: SECRET })).code).to.equal(code);
      expect(classifyError(anthropic(status, 'some_error')).code).to.equal(code);
    });
  }

  const codes: [number, string, GenerationErrorCode][] = [
    [429, 'insufficient_quota', 'provider_billing'],
    [400, 'content_filter', 'content_filter'],
    [400, 'content_policy_violation', 'content_filter'],
    [403, 'model_not_found', 'model_not_available'],
    [429, 'billing_hard_limit_reached', 'provider_billing'],
    [429, 'billing_not_active', 'provider_billing'],
    [400, 'contract_spend_limit_reached', 'provider_billing'],
    [400, 'enforced_spend_limit_reached', 'provider_billing'],
    [500, 'context_length_exceeded', 'bad_request'],
    [400, 'invalid_api_key', 'provider_auth'],
    [400, 'rate_limit_exceeded', 'rate_limited'],
    [500, 'overloaded_error', 'overloaded'],
  ];
  for (const [status, code, expected] of codes) {
    it(`reads code ${code} as ${expected}, whatever the status`, () => {
      expect(classifyError(openAi(status, { code, message: SECRET })).code).to.equal(expected);
    });
  }

  it('takes a 404 without an error in it for a wrong base URL: a failure of the provider', () => {
    expect(classifyError(openAi(404, undefined)).code).to.equal('provider_failed');
  });

  const wire: [object, GenerationErrorCode][] = [
    [{ type: 'overloaded_error' }, 'overloaded'],
    [{ type: 'api_error' }, 'overloaded'],
    [{ type: 'rate_limit_error' }, 'rate_limited'],
    [{ type: 'billing_error' }, 'provider_billing'],
    [{ type: 'invalid_request_error' }, 'bad_request'],
    [{ type: 'authentication_error' }, 'provider_auth'],
    [{ type: 'permission_error' }, 'provider_auth'],
    [{ type: 'timeout_error' }, 'timeout'],
    [{ type: 'request_too_large' }, 'bad_request'],
    [{ type: 'not_found_error' }, 'model_not_available'],
    [{ type: 'server_error', code: null }, 'overloaded'],
    [{ code: 502 }, 'overloaded'],
    [{ code: '429' }, 'rate_limited'],
    [{ code: 'toString', constructor: null }, 'provider_failed'],
    [{}, 'provider_failed'],
  ];
  for (const [error, expected] of wire) {
    it(`reads ${JSON.stringify(error)} inside a stream as ${expected}`, () => {
      expect(classifyError({ message: SECRET, ...error }).code).to.equal(expected);
    });
  }

  const network: [string, GenerationErrorCode][] = [
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
    ['ETIMEDOUT', 'timeout'],
    ['UND_ERR_CONNECT_TIMEOUT', 'timeout'],
    ['UND_ERR_HEADERS_TIMEOUT', 'timeout'],
    ['UND_ERR_BODY_TIMEOUT', 'timeout'],
  ];
  for (const [code, expected] of network) {
    it(`reads ${code} as ${expected}, bare and inside an SDK's error`, () => {
      const cause = systemError(code);
      expect(classifyError(cause).code).to.equal(expected);
      expect(classifyError(new OpenAiSdk.APIConnectionError({ cause })).code).to.equal(expected);
      const nested = new TypeError('fetch failed', { cause });
      expect(classifyError(new AnthropicSdk.APIConnectionError({ cause: nested })).code).to.equal(expected);
    });
  }

  it("reads the SDKs' connection errors that name no cause", () => {
    expect(classifyError(new OpenAiSdk.APIConnectionTimeoutError()).code).to.equal('timeout');
    expect(classifyError(new AnthropicSdk.APIConnectionTimeoutError()).code).to.equal('timeout');
    expect(classifyError(new OpenAiSdk.APIConnectionError({})).code).to.equal('network');
  });

  for (const [headers, expected] of [
    [{ 'retry-after': '7' }, 7000],
    [{ 'retry-after': '0.5' }, 500],
    [{ 'retry-after-ms': '250', 'retry-after': '7' }, 250],
    [{ 'retry-after': 'Thu, 01 Jan 1970 00:00:00 GMT' }, 0],
    [{ 'retry-after': 'soon' }, undefined],
    [{ 'retry-after': '-3' }, undefined],
    [{}, undefined],
  ] as [Record<string, string>, number | undefined][]) {
    it(`reads ${JSON.stringify(headers)} as ${expected} ms`, () => {
      expect(classifyError(openAi(429, {}, headers)).retryAfterMs).to.equal(expected);
      expect(classifyError(anthropic(529, 'overloaded_error', headers)).retryAfterMs).to.equal(expected);
    });
  }

  it('reads Retry-After as a date', () => {
    const date = new Date(Date.now() + 10_000).toUTCString();
    expect(classifyError(openAi(503, {}, { 'retry-after': date })).retryAfterMs).to.be.within(8000, 10_000);
  });

  it('tells nothing of what the provider or the system said but known codes', () => {
    const errors = [
      openAi(401, { message: SECRET, code: SECRET, type: 'sk_secret' }),
      anthropic(400, 'sk_secret'),
      systemError('ECONNRESET'),
      new Error(SECRET, { cause: new Error(SECRET) }),
      SECRET,
      null,
      undefined,
    ];
    for (const error of errors) {
      const made = classifyError(error);
      expect(`${made.message} ${made.stack}`).to.not.match(/sk.secret/);
      expect(made.cause).to.equal(undefined);
    }
    expect(classifyError(openAi(429, { code: 'insufficient_quota' })).message).to.include(
      'insufficient_quota',
    );
  });

  it('leaves what is classified already', () => {
    const error = new ProviderError('timeout', 'too late');
    expect(classifyError(error)).to.equal(error);
  });
});
