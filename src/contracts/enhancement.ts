import { z } from 'zod';
import { amountSchema, idSchema, textSchema, timeSchema } from './fields.ts';
import { maskedCountsSchema } from './masking.ts';
import {
  costSchema,
  FINISH_REASONS,
  GENERATION_STATUSES,
  generationErrorSchema,
  usageSchema,
} from './message.ts';

/** What can be done with a text. */
export const ENHANCE_ACTIONS = [
  'improve',
  'make_shorter',
  'summarize',
  'fix_grammar',
  'change_tone',
  'expand',
  'free_prompt',
] as const;
/** Something that can be done with a text. */
export type EnhanceActionName = (typeof ENHANCE_ACTIONS)[number];

/** How a text may sound, for `change_tone`. */
export const TONES = [
  'professional',
  'friendly',
  'casual',
  'formal',
  'confident',
  'persuasive',
  'empathetic',
  'neutral',
] as const;
/** How a text may sound. */
export type Tone = (typeof TONES)[number];
/** What `change_tone` makes of a text when it is not told. */
export const DEFAULT_TONE: Tone = 'professional';

/** What kind of field a text stands in. */
export const FIELD_TYPES = [
  'opportunity_description',
  'project_note',
  'table_cell',
  'comment',
  'custom_field',
] as const;
/** A kind of field. */
export type FieldType = (typeof FIELD_TYPES)[number];

/** What may be told to the model beside the text, nearest first. */
export const CONTEXT_OPTIONS = [
  'current_tab',
  'opportunity_details',
  'related_fields',
  'user_history',
] as const;
/** Something that may be told beside the text. */
export type ContextOption = (typeof CONTEXT_OPTIONS)[number];

/** Bytes of JSON, and levels, that a host may say of its current tab. */
const [MAX_TAB_BYTES, MAX_TAB_DEPTH] = [8_192, 8];

/** JSON of a host: at most that many bytes, nested at most that deep. */
export function boundedJson({ maxBytes, maxDepth }: { maxBytes: number; maxDepth: number }) {
  return z.record(z.string(), z.json()).superRefine((value, context) => {
    const refuse = (message: string) => context.addIssue({ code: 'custom', message });
    if (!isShallow(value, maxDepth)) refuse(`must not nest deeper than ${maxDepth} levels`);
    else if (new TextEncoder().encode(JSON.stringify(value)).length > maxBytes) {
      refuse(`must have at most ${maxBytes} bytes as JSON`);
    }
  });
}

function isShallow(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return levels > 0 && Object.values(value).every((each) => isShallow(each, levels - 1));
}

/** Where a text stands. */
export const enhanceContextSchema = z
  .strictObject({
    fieldType: z.enum(FIELD_TYPES),
    entityId: textSchema({ min: 1, max: 270 })
      .optional()
      .describe(
        'A registered record: its id, of the type that the field type belongs to (opportunity, project, table_row, ' +
          'comment; of custom_field opportunity), or `type/id`',
      ),
    fieldId: textSchema({ min: 1, max: 200 })
      .optional()
      .describe('Which field of it: that one is not told, the text is'),
    metadata: boundedJson({ maxBytes: MAX_TAB_BYTES, maxDepth: MAX_TAB_DEPTH })
      .optional()
      .describe('What the host shows beside it, for `current_tab`; at most 8 kB'),
  })
  .meta({ id: 'EnhanceContext' });
/** Where a text stands, see {@link enhanceContextSchema}. */
export type EnhanceContext = z.output<typeof enhanceContextSchema>;

/** What was told beside the text, and what did not fit. */
const toldSchema = z.object({
  option: z.enum(CONTEXT_OPTIONS),
  source: z.string().describe('`type/id` of a record, `tab`, or the id of an earlier enhancement'),
});
export const contextReportSchema = z
  .object({
    included: z.array(
      toldSchema.extend({ tokens: z.int(), cut: z.boolean().describe('Only its beginning fitted') }),
    ),
    omitted: z.array(toldSchema).describe('Found, and did not fit; the first 50'),
    tokens: z.int().describe('Of all that is included'),
  })
  .meta({ id: 'ContextReport' });
/** See {@link contextReportSchema}. */
export type ContextReport = z.infer<typeof contextReportSchema>;

/** How an enhancement was asked for, and what was made of it for the model. */
export const enhancementMetadataSchema = z
  .object({
    tone: z.enum(TONES).nullable().describe('Of `change_tone`'),
    customPrompt: z.string().nullable().describe('Of `free_prompt`'),
    fieldType: z.enum(FIELD_TYPES).nullable(),
    entityId: z.string().nullable(),
    fieldId: z.string().nullable(),
    masked: maskedCountsSchema.describe('What providers were not shown, by kind'),
    context: contextReportSchema,
    estimatedTokens: z.int().describe('Of the prompt, with the reserve for the answer: what was set aside'),
  })
  .meta({ id: 'EnhancementMetadata' });
/** See {@link enhancementMetadataSchema}. */
export type EnhancementMetadata = z.infer<typeof enhancementMetadataSchema>;

/** An enhancement: a text, what was to be done with it, and what came of it. */
export const enhancementSchema = z
  .object({
    sessionId: idSchema,
    status: z.enum(GENERATION_STATUSES),
    action: z.enum(ENHANCE_ACTIONS),
    model: z.string(),
    text: z.string().describe('As it was given'),
    result: z.string().describe('While it is being written: what there is so far'),
    finishReason: z.enum(FINISH_REASONS).nullable(),
    tokens: usageSchema.nullable().describe('Null until it has ended'),
    cost: costSchema.nullable(),
    credits: amountSchema.nullable().describe('Credits charged'),
    error: generationErrorSchema.nullable(),
    metadata: enhancementMetadataSchema,
    createdAt: timeSchema,
    completedAt: timeSchema.nullable(),
    expiresAt: timeSchema.describe('From then on it is not there any more'),
  })
  .meta({ id: 'Enhancement' });
/** See {@link enhancementSchema}. */
export type Enhancement = z.infer<typeof enhancementSchema>;
