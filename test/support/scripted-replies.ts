import { setImmediate as turnOfTheLoop } from 'node:timers/promises';
import { EventChannel } from '../../src/providers/event-channel.ts';
import { type Provider, ProviderError, type ProviderRequest } from '../../src/providers/provider.ts';
import type { Random } from './random.ts';

/** What happens to a reply from outside, while it is being written. */
export type Strike = 'stop' | 'lose lock' | 'lose claim' | 'hand over' | 'die' | 'delete';

/** How a reply goes. */
interface Script {
  end: 'finish' | 'error' | 'strike';
  /** The provider says how many tokens it took. */
  usage: boolean;
  /** It writes something before it ends. */
  writes: boolean;
  strike?: Strike;
}

/** As often as they stand here. */
const SCRIPTS: Script[] = [
  ...times(8, { end: 'finish', usage: true, writes: true }),
  ...times(5, { end: 'finish', usage: false, writes: true }),
  ...times(1, { end: 'finish', usage: true, writes: false }),
  ...times(2, { end: 'error', usage: false, writes: false }),
  ...times(1, { end: 'error', usage: false, writes: true }),
  ...times(1, { end: 'error', usage: true, writes: true }),
  ...times(2, { end: 'strike', usage: false, writes: true, strike: 'stop' }),
  ...times(1, { end: 'strike', usage: true, writes: true, strike: 'stop' }),
  ...times(1, { end: 'strike', usage: false, writes: false, strike: 'stop' }),
  ...times(1, { end: 'strike', usage: false, writes: true, strike: 'lose lock' }),
  ...times(1, { end: 'strike', usage: false, writes: true, strike: 'hand over' }),
  ...times(1, { end: 'strike', usage: false, writes: true, strike: 'die' }),
  ...times(1, { end: 'finish', usage: true, writes: true, strike: 'delete' }),
  ...times(1, { end: 'finish', usage: true, writes: true, strike: 'lose lock' }),
  ...times(1, { end: 'finish', usage: true, writes: true, strike: 'lose claim' }),
];

const PIECES = ['The ', 'answer ', 'is ', '42', ', ', 'or so', '.', ' 😀', ' déjà', '\n'];
/** Most turns of the event loop between two pieces. */
const MAX_TURNS = 4;
/** So many for what comes from outside. */
const PATIENCE_TURNS = 40;

/** A provider whose replies go in every way that there is, as chance has it. `strike` is what it has done from outside. */
export function createChanceProvider(
  random: Random,
  strike: (what: Strike, request: ProviderRequest) => Promise<unknown>,
): Provider {
  const pick = <T>(of: readonly T[]): T => of[random.between(0, of.length - 1)] as T;

  async function play(channel: EventChannel, request: ProviderRequest): Promise<void> {
    const script = pick(SCRIPTS);
    if (random.between(1, 8) === 1) channel.push({ type: 'reasoning', text: 'Hm. ' });
    for (let left = script.writes ? random.between(1, 4) : 0; left > 0; left--) {
      for (let turns = random.between(0, MAX_TURNS); turns > 0; turns--) await turnOfTheLoop();
      channel.push({ type: 'text', text: pick(PIECES) });
    }
    if (script.usage) {
      const [inputTokens, outputTokens] = [random.between(1, 60), random.between(0, 90)];
      channel.push({ type: 'usage', usage: { inputTokens, outputTokens } });
    }
    if (script.strike) {
      await turnOfTheLoop();
      await strike(script.strike, request);
    }
    // What was to end it may have died on the way: then it ends by itself.
    for (let turns = script.end === 'strike' ? PATIENCE_TURNS : 0; turns > 0 && !channel.closed; turns--) {
      await turnOfTheLoop();
    }
    if (script.end !== 'error') channel.push({ type: 'finish', reason: 'stop' });
    else channel.push({ type: 'error', error: new ProviderError('network', 'The line is dead.') });
  }

  return {
    name: 'script',
    stream: (request, signal) =>
      new EventChannel({
        signal,
        open: (channel) => void play(channel, request).catch(() => {}),
      }),
  };
}

function times(count: number, what: Script): Script[] {
  return Array.from({ length: count }, () => what);
}
