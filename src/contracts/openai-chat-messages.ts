import { z } from 'zod';
import { callId, functionName, ignored, imageUrl, MAX_PARTS, promptText, refused } from './foreign-fields.ts';

const cacheHint = ignored('providers cache by themselves');
const name = ignored('models are not told names');

const textPart = z.strictObject({
  type: z.literal('text'),
  text: promptText,
  prompt_cache_breakpoint: cacheHint,
});

const imagePart = z.strictObject({
  type: z.literal('image_url'),
  image_url: z.strictObject({ url: imageUrl, detail: z.enum(['auto', 'low', 'high']).optional() }),
  prompt_cache_breakpoint: cacheHint,
});

const refusalPart = z.strictObject({ type: z.literal('refusal'), refusal: promptText });

const textParts = z
  .array(z.discriminatedUnion('type', [textPart], { error: 'must be `text`: nothing else is taken here' }))
  .max(MAX_PARTS);
const userParts = z
  .array(
    z.discriminatedUnion('type', [textPart, imagePart], {
      error: 'must be `text` or `image_url`: audio and files are not supported',
    }),
  )
  .max(MAX_PARTS);
const assistantParts = z
  .array(z.discriminatedUnion('type', [textPart, refusalPart], { error: 'must be `text` or `refusal`' }))
  .max(MAX_PARTS);

/** A call that a model has asked for, as it was answered. */
export const chatToolCall = z.strictObject({
  id: callId,
  type: z.literal('function', { error: 'must be `function`: custom tools are not supported' }),
  function: z.strictObject({
    name: functionName,
    arguments: promptText.describe('JSON, as the model wrote it'),
    parsed_arguments: ignored('the helpers of the client add it'),
  }),
  index: ignored('streams have it'),
});

/** A message of the conversation: https://platform.openai.com/docs/api-reference/chat/create */
export const chatMessage = z.discriminatedUnion(
  'role',
  [
    z.strictObject({
      role: z.enum(['system', 'developer']),
      content: z.union([promptText, textParts.min(1)]),
      name,
    }),
    z.strictObject({ role: z.literal('user'), content: z.union([promptText, userParts.min(1)]), name }),
    z.strictObject({
      role: z.literal('assistant'),
      content: z.union([promptText, assistantParts]).nullish(),
      tool_calls: z.array(chatToolCall).max(MAX_PARTS).nullish(),
      name,
      refusal: promptText.nullish().describe('Told to the model where there is no `content`'),
      reasoning_content: ignored('models do not want their thoughts back'),
      annotations: ignored('answers of others have it'),
      parsed: ignored('the helpers of the client add it'),
      audio: refused('there is no audio'),
      function_call: refused('use `tool_calls`'),
    }),
    z.strictObject({
      role: z.literal('tool'),
      tool_call_id: callId,
      content: z.union([promptText, textParts]),
      name,
    }),
  ],
  { error: 'must be `system`, `developer`, `user`, `assistant` or `tool`' },
);

/** A message of a conversation, see {@link chatMessage}. */
export type ChatMessage = z.output<typeof chatMessage>;
/** A part of a message. */
export type ChatPart = z.output<typeof textPart> | z.output<typeof imagePart> | z.output<typeof refusalPart>;
