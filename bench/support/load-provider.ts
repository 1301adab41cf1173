import type { ChatTurn } from '../../src/contracts/prompt.ts';
import { EventChannel } from '../../src/providers/event-channel.ts';
import type { Provider } from '../../src/providers/provider.ts';
import type { StartPart } from '../../src/run-process.ts';
import { startGenerationWorker } from '../../workers/generation-worker.ts';
import { Metronome } from './metronome.ts';
import type { Load } from './token.ts';

const metronome = new Metronome();

/** Writes what the load says, instead of a model. */
const provider: Provider = {
  name: 'echo',
  stream: (request, signal) =>
    new EventChannel({
      signal,
      open: (channel) => {
        const {
          rate,
          durationMs,
          prefixChars,
          waits = false,
        } = JSON.parse(request.turns.at(-1)?.content ?? '') as Load;
        let outputTokens = 0;
        if (prefixChars) channel.push({ type: 'text', text: 'x'.repeat(prefixChars) });
        channel.onClose = metronome.add({
          rate,
          durationMs,
          waits,
          emit: (text) => {
            outputTokens += 1;
            channel.push({ type: 'text', text });
          },
          done: () => {
            // As every provider does; without it the worker would have to count the prompt.
            channel.push({ type: 'usage', usage: { inputTokens: tokensOf(request.turns), outputTokens } });
            channel.push({ type: 'finish', reason: 'stop' });
          },
        });
      },
    }),
};

/** About what a provider would count; holds are made of it. */
const tokensOf = (turns: ChatTurn[]): number =>
  Math.ceil(turns.reduce((sum, { content }) => sum + content.length, 0) / 4);

/** The real worker, with that provider. SIGUSR2: what waits goes on. */
export const startLoadWorker: StartPart = async (core) => {
  process.on('SIGUSR2', () => metronome.go());
  await startGenerationWorker({ ...core, providers: { names: core.providers.names, get: () => provider } });
};
