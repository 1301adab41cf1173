/** The words of one provider's wire, so that one suite can speak both. Each is one or more whole events. */
export interface Wire {
  name: 'openai' | 'anthropic';
  /** What comes before the first token. */
  begin: string;
  text(text: string): string;
  reasoning(text: string): string;
  /** The model stops: the reason in the wire's own word, the usage (7 in, 3 out) and the end of the stream. */
  end(reason?: string): string;
  /** The same without usage. */
  endWithoutUsage: string;
  /** The model stops, and nothing marks the end of the stream. */
  endWithoutMark: string;
  /** The reasons of the wire and what they become. */
  reasons: Record<string, string>;
  /** An error inside the stream: the provider is overloaded. */
  overloaded: string;
  /** The body of an HTTP error. */
  errorBody(type: string, message: string): string;
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
  endWithoutUsage: `${openAiStop('stop')}data: [DONE]\n\n`,
  endWithoutMark: openAiStop('stop'),
  reasons: {
    stop: 'stop',
    length: 'length',
    content_filter: 'content_filter',
    tool_calls: 'tool_calls',
    eos: 'stop',
  },
  overloaded: data({ error: { message: 'the prompt was: secret', type: 'server_error', code: 503 } }),
  errorBody: (code, message) => JSON.stringify({ error: { message, type: 'invalid_request_error', code } }),
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
  endWithoutUsage: event('message_delta', { delta: { stop_reason: 'end_turn' } }) + event('message_stop', {}),
  endWithoutMark: event('message_delta', { delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 3 } }),
  reasons: {
    end_turn: 'stop',
    stop_sequence: 'stop',
    max_tokens: 'length',
    refusal: 'content_filter',
    tool_use: 'tool_calls',
    something_new: 'stop',
  },
  overloaded: event('error', { error: { type: 'overloaded_error', message: 'the prompt was: secret' } }),
  errorBody: (type, message) => JSON.stringify({ type: 'error', error: { type, message } }),
};

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
