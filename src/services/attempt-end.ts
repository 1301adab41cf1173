import type { EndStatus, FinishReasonCode, Try } from '../contracts/message.ts';
import type { ModelParameter } from '../contracts/model.ts';
import type { ToolCall } from '../contracts/prompt.ts';
import type { ModelPrice } from '../data/entities/generation.ts';
import type { ProviderError, ProviderUsage } from '../providers/provider.ts';

/** What is paid for: the provider's own counts, and ours where it has none that is believed. */
export interface SettledUsage extends ProviderUsage {
  inputTokens: number;
  outputTokens: number;
  /** Some of it was counted here. */
  estimated: boolean;
}

/** How an attempt ended. */
export interface AttemptEnd {
  status: EndStatus;
  finishReason: FinishReasonCode;
  text: string;
  /** Null when the model told none. */
  reasoning: string | null;
  /** The attempt that `text` is from, if not the one that ends. */
  textAttempt?: number;
  /** Undefined when nothing is charged: the model wrote nothing. */
  usage: SettledUsage | undefined;
  /** What the tokens cost the operator, if not what was frozen on the generation. */
  costPrice?: ModelPrice | undefined;
  /** This attempt's calls of providers, in order. */
  tries?: Try[];
  omittedParameters?: ModelParameter[];
  /** What the model asks of tools. */
  toolCalls?: ToolCall[] | undefined;
  error?: Pick<ProviderError, 'code' | 'message'>;
}
