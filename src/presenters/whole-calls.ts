import type { Message } from '../contracts/message.ts';
import type { ToolCall } from '../contracts/prompt.ts';
import { asObject } from '../providers/call-arguments.ts';
import { finishReasonOf } from './openai-chat.ts';

/** A call, and what its arguments say. */
export interface WholeCall extends ToolCall {
  input: Record<string, unknown>;
}

/**
 * The calls of an answer that can be made as they were meant: without one that was cut off, and without those whose arguments
 * are no JSON object. A client that is given an object would make these without arguments.
 */
export function wholeCalls(message: Message): WholeCall[] {
  return message.toolCalls.flatMap((call, index) => {
    const input = isCutOff(message, index) ? undefined : asObject(call.arguments);
    return input ? [{ ...call, input }] : [];
  });
}

/** Of an answer that is not whole the last call is not, even where what there is can be read: its arguments may be missing. */
export function isCutOff(message: Message, index: number): boolean {
  const reason = finishReasonOf(message);
  const isWhole = reason === 'stop' || reason === 'tool_calls';
  return !isWhole && index === message.toolCalls.length - 1;
}
