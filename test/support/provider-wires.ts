import type { ProviderUsage } from '../../src/providers/provider.ts';

/** The words of one provider's wire, so that one suite can speak them all. Each is one or more whole events. */
export interface Wire {
  name: 'openai' | 'openrouter' | 'huggingface' | 'anthropic' | 'gemini';
  /** What comes before the first token. */
  begin: string;
  text(text: string): string;
  reasoning(text: string): string;
  /** The model stops: the reason in the wire's own word, the usage (7 in, 3 out) and the end of the stream. */
  end(reason?: string): string;
  /** What is read of the usage in `end`. */
  usage: ProviderUsage;
  /** The same without usage. */
  endWithoutUsage: string;
  /** The model stops, and nothing marks the end of the stream. */
  endWithoutMark: string;
  /** The reasons of the wire and what they become where there is a text and no call. */
  reasons: Record<string, string>;
  /** An error inside the stream: the provider is overloaded. */
  overloaded: string;
  /** The n-th call of an answer, from 0, in the fragments that the wire has; each is one or more whole events. */
  call(n: number, call: ScriptedCall): string[];
  /** The stop reason of an answer that ends with calls. */
  callReason: string;
  /** The body of an HTTP error. */
  errorBody(type: string, message: string): string;
}

/** A call that a model asks for; its arguments in pieces. */
export interface ScriptedCall {
  id: string;
  name: string;
  pieces: string[];
}

/** OpenAI's chat completions. */
export const openAiWire: Wire = {
  name: 'openai',
  begin: chunk({ choices: [{ index: 0, delta: { role: 'assistant', content: '' }, finish_reason: null }] }),
  text: (content) => chunk({ choices: [{ index: 0, delta: { content }, finish_reason: null }], usage: null }),
  reasoning: (text) => chunk({ choices: [{ index: 0, delta: { reasoning_content: text } }] }),
  end: (reason = 'stop') =>
    openAiStop(reason) +
    chunk({ choices: [], usage: { prompt_tokens: 7, completion_tokens: 3, total_tokens: 10 } }) +
    'data: [DONE]\n\n',
  usage: { inputTokens: 7, outputTokens: 3 },
  endWithoutUsage: `${openAiStop('stop')}data: [DONE]\n\n`,
  endWithoutMark: openAiStop('stop'),
  reasons: {
    stop: 'stop',
    length: 'length',
    content_filter: 'content_filter',
    tool_calls: 'stop',
    function_call: 'stop',
    eos: 'stop',
  },
  overloaded: data({ error: { message: 'the prompt was: secret', type: 'server_error', code: 503 } }),
  // https://platform.openai.com/docs/guides/function-calling#streaming
  call: (index, { id, name, pieces }) => [
    toolDelta({ index, id, type: 'function', function: { name, arguments: '' } }),
    ...pieces.map((piece) => toolDelta({ index, function: { arguments: piece } })),
  ],
  callReason: 'tool_calls',
  errorBody: (code, message) => JSON.stringify({ error: { message, type: 'invalid_request_error', code } }),
};

/** OpenRouter: comments while it waits, reasoning and cost by names of its own. */
export const openRouterWire: Wire = {
  ...openAiWire,
  name: 'openrouter',
  begin: `: OPENROUTER PROCESSING\n\n${openAiWire.begin}`,
  reasoning: (text) => chunk({ choices: [{ index: 0, delta: { content: '', reasoning: text } }] }),
  end: (reason = 'stop') =>
    openAiStop(reason) +
    'data: {"id":"gen-1","choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3,"total_tokens":10,' +
    '"cost":1.5e-7,"cost_details":{"upstream_inference_cost":null}}}\n\n' +
    'data: [DONE]\n\n',
  usage: { inputTokens: 7, outputTokens: 3, costUsd: '0.00000015' },
  overloaded: chunk({
    error: { code: 503, message: 'the prompt was: secret', metadata: { provider_name: 'Some' } },
    choices: [{ index: 0, delta: { content: '' }, finish_reason: 'error' }],
  }),
  errorBody: (type, message) => JSON.stringify({ error: { code: 400, message, metadata: { type } } }),
};

/** Hugging Face's router, at its worst: no mark of the end, errors that are texts, null where others have a list. */
export const huggingFaceWire: Wire = {
  ...openAiWire,
  name: 'huggingface',
  end: (reason = 'stop') =>
    openAiStop(reason) +
    chunk({ choices: null, usage: { prompt_tokens: 7, completion_tokens: 3, total_tokens: 10 } }),
  overloaded: data({ error: { message: 'the prompt was: secret', http_status_code: 503, code: 503 } }),
  errorBody: (_type, message) => JSON.stringify({ error: message }),
};

/** Anthropic's messages. */
export const anthropicWire: Wire = {
  name: 'anthropic',
  begin:
    event('message_start', {
      message: {
        usage: {
          input_tokens: 4,
          cache_creation_input_tokens: 2,
          cache_read_input_tokens: 1,
          output_tokens: 1,
        },
      },
    }) +
    event('content_block_start', { index: 0, content_block: { type: 'text', text: '' } }) +
    event('ping', {}),
  text: (text) => event('content_block_delta', { index: 0, delta: { type: 'text_delta', text } }),
  reasoning: (thinking) =>
    event('content_block_delta', { index: 0, delta: { type: 'thinking_delta', thinking } }),
  end: (reason = 'end_turn') =>
    event('content_block_stop', { index: 0 }) +
    event('message_delta', { delta: { stop_reason: reason }, usage: { output_tokens: 3 } }) +
    event('message_stop', {}),
  usage: { inputTokens: 7, cachedInputTokens: 1, outputTokens: 3 },
  endWithoutUsage: event('message_delta', { delta: { stop_reason: 'end_turn' } }) + event('message_stop', {}),
  endWithoutMark: event('message_delta', { delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 3 } }),
  reasons: {
    end_turn: 'stop',
    stop_sequence: 'stop',
    max_tokens: 'length',
    refusal: 'content_filter',
    tool_use: 'stop',
    something_new: 'stop',
  },
  overloaded: event('error', { error: { type: 'overloaded_error', message: 'the prompt was: secret' } }),
  // https://platform.claude.com/docs/en/build-with-claude/streaming#input-json-delta
  call: (n, { id, name, pieces }) => [
    event('content_block_start', {
      index: n + 1,
      content_block: { type: 'tool_use', id, name, input: {} },
    }),
    ...['', ...pieces].map((piece) =>
      event('content_block_delta', {
        index: n + 1,
        delta: { type: 'input_json_delta', partial_json: piece },
      }),
    ),
    event('content_block_stop', { index: n + 1 }),
  ],
  callReason: 'tool_use',
  errorBody: (type, message) => JSON.stringify({ type: 'error', error: { type, message } }),
};

const GEMINI_USAGE = {
  usageMetadata: { promptTokenCount: 7, candidatesTokenCount: 2, thoughtsTokenCount: 1, totalTokenCount: 10 },
};

/** Gemini's generated content. */
export const geminiWire: Wire = {
  name: 'gemini',
  begin: content([], { usageMetadata: { promptTokenCount: 7, totalTokenCount: 7 } }),
  text: (text) => content([{ text }]),
  reasoning: (text) => content([{ text, thought: true }]),
  end: (reason = 'STOP') => geminiStop(reason, GEMINI_USAGE),
  usage: { inputTokens: 7, outputTokens: 3, reasoningTokens: 1 },
  endWithoutUsage: geminiStop('STOP'),
  endWithoutMark: geminiStop('STOP', GEMINI_USAGE),
  reasons: {
    STOP: 'stop',
    MAX_TOKENS: 'length',
    SAFETY: 'content_filter',
    RECITATION: 'content_filter',
    BLOCKLIST: 'content_filter',
    PROHIBITED_CONTENT: 'content_filter',
    SPII: 'content_filter',
    MALFORMED_FUNCTION_CALL: 'stop',
    UNEXPECTED_TOOL_CALL: 'stop',
    TOO_MANY_TOOL_CALLS: 'stop',
    SOMETHING_NEW: 'stop',
  },
  overloaded: data({ error: { code: 503, message: 'the prompt was: secret', status: 'UNAVAILABLE' } }),
  // https://ai.google.dev/api/caching#FunctionCall: never in pieces
  call: (_n, { id, name, pieces }) => [
    content([{ functionCall: { id, name, args: JSON.parse(pieces.join('') || '{}') } }]),
  ],
  callReason: 'STOP',
  errorBody: (status, message) => JSON.stringify({ error: { message, status } }),
};

function content(parts: object[], fields: object = {}): string {
  return data({
    candidates: [{ content: { parts, role: 'model' }, index: 0 }],
    modelVersion: 'm',
    ...fields,
  });
}

function geminiStop(finishReason: string, fields: object = {}): string {
  return data({ candidates: [{ content: { parts: [{ text: '' }] }, finishReason, index: 0 }], ...fields });
}

function toolDelta(fragment: object): string {
  return chunk({ choices: [{ index: 0, delta: { tool_calls: [fragment] }, finish_reason: null }] });
}

function openAiStop(reason: string): string {
  return chunk({ choices: [{ index: 0, delta: {}, finish_reason: reason }], usage: null });
}

function chunk(fields: object): string {
  return data({ id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model: 'm', ...fields });
}

function event(type: string, fields: object): string {
  return `event: ${type}\n${data({ type, ...fields })}`;
}

function data(value: object): string {
  return `data: ${JSON.stringify(value)}\n\n`;
}
