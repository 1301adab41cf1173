import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Has the model in its path. */
const GEMINI = '/v1beta/models/';

/**
 * The server of `provider-parse.ts`, in its own process so that its CPU is not counted. `/v1/chat/completions`,
 * `/v1/messages` and `/v1beta/models/<model>` answer in chunks of the size that the real services send. The model of
 * the request says how: `all-<n>` sends n chunks as fast as they go, `paced-<n>` one each 20 ms.
 */
const WIRES: Record<string, { begin: string; delta: (n: number) => string; end: string }> = {
  '/v1/chat/completions': {
    begin: '',
    delta: (n) =>
      `data: {"id":"chatcmpl-B9MHDbslfkBeAs8l4bebGdFOJ6PeG","object":"chat.completion.chunk","created":1741570283,` +
      `"model":"gpt-4.1-2025-04-14","service_tier":"default","system_fingerprint":"fp_44709d6fcb","choices":[{"index":0,` +
      `"delta":{"content":" word${n % 1000}"},"logprobs":null,"finish_reason":null}],"usage":null,"obfuscation":"a1B2"}\n\n`,
    end:
      `data: {"id":"chatcmpl-B9","object":"chat.completion.chunk","created":1741570283,"model":"gpt-4.1","choices":` +
      `[{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}],"usage":null}\n\n` +
      `data: {"id":"chatcmpl-B9","object":"chat.completion.chunk","created":1741570283,"model":"gpt-4.1","choices":` +
      `[],"usage":{"prompt_tokens":10,"completion_tokens":1000,"total_tokens":1010}}\n\ndata: [DONE]\n\n`,
  },
  '/v1/messages': {
    begin:
      `event: message_start\ndata: {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant",` +
      `"content":[],"model":"claude","stop_reason":null,"usage":{"input_tokens":10,"output_tokens":1}}}\n\n` +
      `event: content_block_start\ndata: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}\n\n`,
    delta: (n) =>
      `event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta",` +
      `"text":" word${n % 1000}"}}\n\n`,
    end:
      `event: content_block_stop\ndata: {"type":"content_block_stop","index":0}\n\n` +
      `event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},` +
      `"usage":{"output_tokens":1000}}\n\nevent: message_stop\ndata: {"type":"message_stop"}\n\n`,
  },
  [GEMINI]: {
    begin: '',
    delta: (n) => geminiEvent(` word${n % 1000}`, ''),
    end: geminiEvent('', ',"finishReason":"STOP"'),
  },
};

function geminiEvent(text: string, finish: string): string {
  return (
    `data: {"candidates": [{"content": {"parts": [{"text": "${text}"}],"role": "model"}${finish},"index": 0}],` +
    `"usageMetadata": {"promptTokenCount": 10,"candidatesTokenCount": 1000,"totalTokenCount": 1010,` +
    `"promptTokensDetails": [{"modality": "TEXT","tokenCount": 10}]},"modelVersion": "gemini-2.5-flash",` +
    `"responseId": "Il0taoSYJ5Cez7IP2fXd8Ak"}\r\n\r\n`
  );
}

type Wire = (typeof WIRES)[string];

const bodies = new Map<string, Buffer>();
const paced = new Set<{ res: ServerResponse; wire: Wire; sent: number; count: number }>();

setInterval(() => {
  for (const stream of paced) {
    if (stream.sent < stream.count) stream.res.write(stream.wire.delta(stream.sent++));
    else {
      stream.res.end(stream.wire.end);
      paced.delete(stream);
    }
  }
}, 20);

const server = createServer(async (req, res) => {
  const parts: Buffer[] = [];
  for await (const part of req) parts.push(part as Buffer);
  const url = req.url ?? '';
  const path = url.startsWith(GEMINI) ? GEMINI : url;
  const wire = WIRES[path];
  const body = JSON.parse(Buffer.concat(parts).toString('utf8')) as { model?: string };
  const model = body.model ?? /[^/]+(?=:)/.exec(url)?.[0] ?? '';
  const [how = '', count = '0'] = model.split('-');
  if (!wire) {
    res.writeHead(404).end();
    return;
  }
  res.writeHead(200, { 'content-type': 'text/event-stream' });
  if (how === 'all') res.end(wholeBody(path, wire, Number(count)));
  else {
    res.write(wire.begin || ':\n\n');
    // Spread over the interval, as streams of real users are.
    setTimeout(() => paced.add({ res, wire, sent: 0, count: Number(count) }), Math.random() * 20);
  }
});

function wholeBody(path: string, wire: Wire, count: number): Buffer {
  const key = `${path} ${count}`;
  let body = bodies.get(key);
  if (!body) {
    body = Buffer.from(
      wire.begin + Array.from({ length: count }, (_, n) => wire.delta(n)).join('') + wire.end,
    );
    bodies.set(key, body);
  }
  return body;
}

server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));
process.on('disconnect', () => process.exit());
