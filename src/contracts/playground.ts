import { z } from 'zod';
import { amountSchema, idSchema, timeSchema } from './fields.ts';
import {
  costSchema,
  FINISH_REASONS,
  GENERATION_STATUSES,
  generationErrorSchema,
  type Message,
  messageSchema,
} from './message.ts';
import { modelIdSchema, sessionSchema, settingsSchema } from './session.ts';

/** Most models that one prompt is given to at once. */
export const MAX_LANES = 8;

/** How the newest prompt of a run stands, all its lanes together. */
export const RUN_STATUSES = ['running', 'completed', 'partial', 'failed', 'cancelled'] as const;
/** See {@link RUN_STATUSES}. */
export type RunStatus = (typeof RUN_STATUSES)[number];

/** Who is asked: the same model twice is two lanes. */
export const laneModelsSchema = z.array(modelIdSchema).min(1).max(MAX_LANES);

/** Where a lane is named in a run. */
const laneNumber = z.int().describe('Counting from 0, in the order in which the models were named');

/** One model's part of a run. */
export const laneSchema = z
  .object({
    lane: laneNumber,
    messageId: idSchema.describe('Its reply; `POST /messages/:id/stop` stops this lane alone'),
    model: z.string(),
    status: z.enum(GENERATION_STATUSES),
  })
  .meta({ id: 'PlaygroundLane' });

/** A prompt that was given to several models. */
export const startedRunSchema = z
  .object({
    session: sessionSchema,
    message: messageSchema.describe('The prompt'),
    lanes: z.array(laneSchema),
  })
  .meta({ id: 'StartedPlaygroundRun' });

const runFields = {
  id: idSchema.describe('Of the session'),
  title: z.string().nullable(),
  prompt: z.string().describe('The first one'),
  models: z.array(z.string()).describe('In the order of the lanes'),
  settings: settingsSchema,
  status: z
    .enum(RUN_STATUSES)
    .describe(
      'Of the newest prompt. `running`: a lane is being written, or waits; `completed`: all were; `partial`: some ' +
        'were, others failed or were stopped; `failed`: none was, and one or more failed; `cancelled`: all were stopped, or deleted',
    ),
  totalCost: costSchema.describe('Of all prompts and lanes'),
  totalTokens: z.int().describe('Input and output, of all prompts and lanes'),
  totalCredits: amountSchema.describe('Of all prompts and lanes'),
  lastActivityAt: timeSchema,
  createdAt: timeSchema,
};

/** Longest prompt that stands in a list, in UTF-16 code units. */
export const LISTED_PROMPT_CHARS = 500;

/** A run, as it stands in a list. */
export const runSchema = z
  .object({
    ...runFields,
    prompt: z
      .string()
      .describe(`The first one, on one line; what is longer than ${LISTED_PROMPT_CHARS} characters is cut`),
  })
  .meta({ id: 'PlaygroundRun' });

/** What one lane made of one prompt. */
export const conversationSchema = z
  .object({
    lane: laneNumber,
    modelName: z.string(),
    messageId: idSchema,
    userPrompt: z.string().nullable().describe('Null: it was deleted'),
    response: z.string().describe('Of a running lane what there is so far'),
    reasoning: z.string().nullable(),
    status: z.enum(GENERATION_STATUSES),
    finishReason: z.enum(FINISH_REASONS).nullable(),
    inputTokens: z.int().nullable(),
    outputTokens: z.int().nullable(),
    cost: costSchema.nullable(),
    credits: amountSchema.nullable(),
    responseTime: z.int().nullable().describe('Milliseconds from the request to its end; null until then'),
    error: generationErrorSchema.nullable(),
    createdAt: timeSchema,
  })
  .meta({ id: 'PlaygroundConversation' });

/** A run with what its lanes wrote. */
export const openRunSchema = z
  .object({
    ...runFields,
    conversations: z
      .array(conversationSchema)
      .describe(
        'Oldest prompt first, then by lane; of the newest 200 messages, or fewer where they are long; the rest: `GET /messages/:sessionId`',
      ),
  })
  .meta({ id: 'OpenPlaygroundRun' });

/** See {@link laneSchema}. */
export type Lane = z.infer<typeof laneSchema>;
/** See {@link startedRunSchema}. */
export type StartedRun = z.infer<typeof startedRunSchema>;
/** See {@link runSchema}. */
export type Run = z.infer<typeof runSchema>;
/** See {@link conversationSchema}. */
export type Conversation = z.infer<typeof conversationSchema>;
/** See {@link openRunSchema}. */
export type OpenRun = z.infer<typeof openRunSchema>;

/** Which lane an event of the stream is about. */
interface OfLane {
  lane: number;
  model: string;
  messageId: string;
}

/** Events of `GET /playground/stream`, by name. */
export interface PlaygroundStreamEvents {
  /** First, and never on a reconnect with an id. */
  session: StartedRun;
  /** More of a lane's text; with `channel`, of its reasoning. `offset`: UTF-16 code units of this attempt before it. */
  delta: OfLane & { attempt: number; channel?: 'reasoning' | undefined; offset: number; text: string };
  /** Another attempt begins: what came of this lane is void. */
  restart: OfLane & { attempt: number };
  /** Nothing of the lane follows. `text` is all of it. */
  done: OfLane &
    Pick<
      Message,
      'attempt' | 'status' | 'finishReason' | 'reasoning' | 'usage' | 'cost' | 'credits' | 'error'
    > & {
      text: string;
      /** Milliseconds from the request to its end. */
      responseTimeMs: number | null;
    };
  /** The lane's message was deleted: nothing of it follows. */
  gone: OfLane;
  /**
   * Every lane has ended. How they did, and sums of this prompt alone: a lane whose reply was deleted counts like any other.
   * The client closes here.
   */
  end: {
    sessionId: string;
    status: RunStatus;
    totalCost: z.infer<typeof costSchema>;
    totalTokens: number;
    totalCredits: number;
    /** Of the slowest lane. */
    responseTimeMs: number | null;
  };
}
