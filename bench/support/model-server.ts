import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Metronome } from './metronome.ts';
import type { Load } from './token.ts';

/**
 * An OpenAI-compatible server that writes what a load says, in chunks of the size that OpenAI sends, each token in one of its
 * own. Any message of the parent: what waits goes on.
 */
const metronome = new Metronome();

const chunk = (choice: string, usage = 'null'): string =>
  `data: {"id":"chatcmpl-B9MHDbslfkBeAs8l4bebGdFOJ6PeG","object":"chat.completion.chunk","created":1741570283,` +
  `"model":"gpt-4.1-2025-04-14","service_tier":"default","system_fingerprint":"fp_44709d6fcb","choices":[${choice}],` +
  `"usage":${usage},"obfuscation":"a1B2"}\n\n`;
const delta = (text: string): string =>
  chunk(`{"index":0,"delta":{"content":"${text}"},"logprobs":null,"finish_reason":null}`);
const end = (tokens: number): string =>
  chunk('{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}') +
  chunk('', `{"prompt_tokens":100,"completion_tokens":${tokens},"total_tokens":${100 + tokens}}`) +
  'data: [DONE]\n\n';

const server = createServer(async (request, response) => {
  let body = '';
  for await (const part of request) body += String(part);
  const { messages } = JSON.parse(body) as { messages: { content: string }[] };
  const load = JSON.parse(messages.at(-1)?.content ?? '') as Load;
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  let tokens = 0;
  const stop = metronome.add({
    ...load,
    emit(text) {
      tokens += 1;
      response.write(delta(text));
    },
    done: () => response.end(end(tokens)),
  });
  response.on('close', stop);
});

process.on('message', () => metronome.go());
server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }));
