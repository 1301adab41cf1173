import type Anthropic from '@anthropic-ai/sdk';
import type OpenAI from 'openai';
import type { z } from 'zod';
import type { anthropicInput, anthropicTool } from '../../src/contracts/anthropic-blocks.ts';
import type { anthropicBody, anthropicCountBody } from '../../src/contracts/anthropic-messages.ts';
import type { chatCompletionBody } from '../../src/contracts/openai-chat.ts';
import type { chatMessage } from '../../src/contracts/openai-chat-messages.ts';
import type { responseInputItem } from '../../src/contracts/openai-response-items.ts';
import type { responseBody } from '../../src/contracts/openai-responses.ts';

/**
 * Nothing here runs: `npm run types` fails, and names the field, where a request in the types of a client has one that our
 * contract has not heard of. Such a field is refused as unknown, so an update of a client must not bring one unseen.
 */
type AllKnown<Missing extends never> = Missing;
type Missing<Published, Ours> = Exclude<KeyOf<Published>, KeyOf<Ours>>;
type KeyOf<T> = T extends unknown ? keyof T : never;
type ItemOf<T> = T extends readonly (infer I)[] ? I : never;
type OfType<T, Name> = Extract<T, { type: Name }>;
type OfRole<T, Name> = Extract<T, { role: Name }>;

type Chat = z.input<typeof chatCompletionBody>;
type Turn = z.input<typeof chatMessage>;
type ChatTool = OpenAI.ChatCompletionFunctionTool['function'];
type ChatCall = OpenAI.ChatCompletionMessageFunctionToolCall;
export type ChatCompletions =
  | AllKnown<Missing<OpenAI.ChatCompletionCreateParams, Chat>>
  | AllKnown<Missing<OpenAI.ChatCompletionStreamOptions, NonNullable<Chat['stream_options']>>>
  | AllKnown<Missing<ChatTool, ItemOf<Chat['tools']>['function']>>
  | AllKnown<Missing<OpenAI.ChatCompletionUserMessageParam, OfRole<Turn, 'user'>>>
  | AllKnown<Missing<OpenAI.ChatCompletionAssistantMessageParam, OfRole<Turn, 'assistant'>>>
  | AllKnown<Missing<OpenAI.ChatCompletionToolMessageParam, OfRole<Turn, 'tool'>>>
  | AllKnown<Missing<ChatCall, ItemOf<OfRole<Turn, 'assistant'>['tool_calls']>>>;

type Response = z.input<typeof responseBody>;
type Item = z.input<typeof responseInputItem>;
type Said = Extract<Item, { content: unknown }>;
type Part = ItemOf<Said['content']>;
type Answer = OpenAI.Responses.ResponseInputItem.FunctionCallOutput;
export type Responses =
  | AllKnown<Missing<OpenAI.Responses.ResponseCreateParams, Response>>
  | AllKnown<Missing<OpenAI.Responses.FunctionTool, ItemOf<Response['tools']>>>
  | AllKnown<Missing<OpenAI.Reasoning, NonNullable<Response['reasoning']>>>
  | AllKnown<Missing<OpenAI.Responses.ResponseTextConfig, NonNullable<Response['text']>>>
  | AllKnown<Missing<OpenAI.Responses.EasyInputMessage | OpenAI.Responses.ResponseOutputMessage, Said>>
  | AllKnown<Missing<OpenAI.Responses.ResponseFunctionToolCall, OfType<Item, 'function_call'>>>
  | AllKnown<Missing<Answer, OfType<Item, 'function_call_output'>>>
  | AllKnown<Missing<OpenAI.Responses.ResponseInputImage, OfType<Part, 'input_image'>>>
  | AllKnown<Missing<OpenAI.Responses.ResponseInputText, OfType<Part, 'input_text'>>>
  | AllKnown<Missing<OpenAI.Responses.ResponseOutputText, OfType<Part, 'output_text'>>>;

type Messages = z.input<typeof anthropicBody>;
type Block = ItemOf<z.input<typeof anthropicInput>['content']>;
type Counted = z.input<typeof anthropicCountBody>;
export type AnthropicMessages =
  | AllKnown<Missing<Anthropic.MessageCreateParams, Messages>>
  | AllKnown<Missing<Anthropic.MessageCountTokensParams, Counted>>
  // What helpers of the client send. `betas` is a header.
  | AllKnown<Exclude<Missing<Anthropic.Beta.MessageCreateParams, Messages>, 'betas'>>
  | AllKnown<Missing<Anthropic.ToolChoice, NonNullable<Messages['tool_choice']>>>
  | AllKnown<Missing<Anthropic.OutputConfig, NonNullable<Messages['output_config']>>>
  | AllKnown<Missing<Anthropic.Tool, z.input<typeof anthropicTool>>>
  | AllKnown<Missing<Anthropic.TextBlockParam, OfType<Block, 'text'>>>
  | AllKnown<Missing<Anthropic.ImageBlockParam, OfType<Block, 'image'>>>
  | AllKnown<Missing<Anthropic.ToolUseBlockParam, OfType<Block, 'tool_use'>>>
  | AllKnown<Missing<Anthropic.ToolResultBlockParam, OfType<Block, 'tool_result'>>>;
