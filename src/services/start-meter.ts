import type { Logger } from '../base/logger.ts';
import type { PromptInput } from '../contracts/prompt.ts';
import type { Database } from '../data/database.ts';
import type { GenerationClaim } from '../data/repositories/generations.ts';
import { presentBalance } from '../presenters/balance.ts';
import type { Announcer } from './announce.ts';
import { textsOf } from './count-prompt.ts';
import type { CreditMeter, TextSink } from './credit-meter.ts';
import { EstimatingMeter } from './estimating-meter.ts';
import { createGrowHold } from './grow-hold.ts';
import { type GrowHoldBy, HoldPortions } from './hold-portions.ts';
import { LimitingMeter } from './limiting-meter.ts';

/** What is metered. */
export interface MeterInput {
  claim: GenerationClaim;
  /** The prompt, as it is sent. */
  prompt: PromptInput;
  sink: TextSink;
  /** Ends every wait. */
  signal: AbortSignal;
}

/** The meter of one attempt. */
export interface StartedMeter {
  meter: CreditMeter;
  /** Announces nothing more, and asks for nothing more: the attempt is over. */
  close(): void;
}

/** Begins to meter one attempt. */
export type StartMeter = (input: MeterInput) => StartedMeter;

/** Makes the verb. @param overdraft credits that the balance may be short of, a decimal string, or `unlimited` */
export function createStartMeter(deps: {
  database: Database;
  announce: Announcer;
  overdraft: string;
  log: Logger;
}): StartMeter {
  const { database, announce, log } = deps;
  const overdraft = deps.overdraft === 'unlimited' ? null : deps.overdraft;
  const growHold = createGrowHold({ database, overdraft });
  return ({ claim, prompt, sink, signal }) => {
    const { id, attempt, userId, price } = claim;
    const ended = new AbortController();
    const end = () => ended.abort();
    if (signal.aborted) end();
    signal.addEventListener('abort', end);
    const costs = Number(price.creditsPer100Tokens) > 0;
    const grow: GrowHoldBy = async (tokens) => {
      if (ended.signal.aborted) return 0;
      const grown = await growHold({ id, attempt, userId, tokens });
      // What is told after the end would be told after the balance of the settlement.
      if (grown && grown.tokens > 0 && costs && !ended.signal.aborted) {
        void announce.toUser(userId, 'balance:update', presentBalance(grown));
      }
      return grown?.tokens;
    };
    const portions = new HoldPortions({
      heldTokens: claim.holdTokens,
      grow,
      signal: ended.signal,
      onError: (err) => log.warn({ err, generationId: id, attempt }, 'a hold did not grow'),
    });
    const meter = new (costs && overdraft !== null ? LimitingMeter : EstimatingMeter)({
      portions,
      sink,
      prompt: textsOf(prompt),
      maxTokens: claim.settings.maxTokens,
      signal: ended.signal,
    });
    return {
      meter,
      close() {
        signal.removeEventListener('abort', end);
        end();
      },
    };
  };
}
