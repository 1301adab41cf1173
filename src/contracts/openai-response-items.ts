import { z } from 'zod';
import { textSchema } from './fields.ts';
import { callId, functionName, ignored, imageUrl, MAX_PARTS, promptText, refused } from './foreign-fields.ts';

const status = ignored('what is sent is told as it is');
const foreign = ignored('only OpenAI has a use for it');

const parts = z
  .array(
    z.discriminatedUnion(
      'type',
      [
        z.strictObject({ type: z.literal('input_text'), text: promptText, prompt_cache_breakpoint: foreign }),
        z.strictObject({
          type: z.literal('output_text'),
          text: promptText,
          annotations: foreign,
          logprobs: foreign,
          parsed: ignored('the helpers of the client add it'),
        }),
        z.strictObject({ type: z.literal('refusal'), refusal: promptText }),
        z.strictObject({
          type: z.literal('input_image'),
          image_url: imageUrl,
          detail: z
            .enum(['auto', 'low', 'high', 'original'])
            .nullish()
            .describe('`original`: as `high`, which is most that providers are asked for'),
          file_id: refused('there are no files'),
          prompt_cache_breakpoint: foreign,
        }),
      ],
      {
        error:
          'must be `input_text`, `output_text`, `refusal` or `input_image`: audio and files are not supported',
      },
    ),
  )
  .max(MAX_PARTS);

/** An id that an answer of this server gave. */
const itemId = textSchema({ min: 1, max: 300 });

/** A piece of a conversation: https://platform.openai.com/docs/api-reference/responses/create */
export const responseInputItem = z.discriminatedUnion(
  'type',
  [
    z.strictObject({
      type: z.literal('message').optional(),
      role: z.enum(['system', 'developer', 'user', 'assistant']),
      content: z.union([promptText, parts]),
      id: ignored('nothing is kept'),
      status,
      phase: foreign,
    }),
    z.strictObject({
      type: z.literal('function_call'),
      call_id: callId,
      name: functionName,
      arguments: promptText.describe('JSON, as the model wrote it'),
      id: ignored('`call_id` names it'),
      status,
      parsed_arguments: ignored('the helpers of the client add it'),
      namespace: foreign,
      caller: foreign,
      async: foreign,
    }),
    z.strictObject({
      type: z.literal('function_call_output'),
      call_id: callId,
      output: z.union([promptText, parts]),
      id: ignored('`call_id` names it'),
      status,
      caller: foreign,
    }),
    z
      .looseObject({ type: z.literal('reasoning') })
      .describe('Ignored: models do not want their thoughts back'),
    z
      .strictObject({ type: z.literal('item_reference'), id: itemId })
      .describe('What this server answered within the last hour'),
  ],
  {
    error:
      'must be `message`, `function_call`, `function_call_output`, `reasoning` or `item_reference`: nothing else is supported',
  },
);

/** A piece of a conversation, see {@link responseInputItem}. */
export type ResponseInputItem = z.output<typeof responseInputItem>;
/** A part of a message. */
export type ResponseInputPart = z.output<typeof parts>[number];

const outputStatus = z.enum(['in_progress', 'completed', 'incomplete']);

/** A piece of an answer: https://platform.openai.com/docs/api-reference/responses/object */
export const responseOutputItem = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('reasoning'),
    id: z.string(),
    summary: z.array(z.object({ type: z.literal('summary_text'), text: z.string() })),
  }),
  z.object({
    type: z.literal('message'),
    id: z.string(),
    status: outputStatus,
    role: z.literal('assistant'),
    content: z.array(
      z.discriminatedUnion('type', [
        z.object({
          type: z.literal('output_text'),
          text: z.string(),
          annotations: z.array(z.never()),
          logprobs: z.array(z.never()),
        }),
        z.object({ type: z.literal('refusal'), refusal: z.string() }),
      ]),
    ),
  }),
  z.object({
    type: z.literal('function_call'),
    id: z.string(),
    status: outputStatus,
    call_id: z.string(),
    name: z.string(),
    arguments: z.string(),
  }),
]);

/** A piece of an answer, see {@link responseOutputItem}. */
export type ResponseOutputItem = z.infer<typeof responseOutputItem>;
/** Whether a piece of an answer is whole. */
export type ResponseItemStatus = z.infer<typeof outputStatus>;
