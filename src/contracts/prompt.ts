import { z } from 'zod';

/** A call of a function that a model asks its client to make. */
export const toolCallSchema = z
  .object({
    id: z.string().describe('Chosen by the model; the answer to the call names it'),
    name: z.string().describe('Which function'),
    arguments: z.string().describe('JSON, as the model wrote it: it may not be valid'),
  })
  .meta({ id: 'ToolCall' });

/** A call of a function, see {@link toolCallSchema}. */
export type ToolCall = z.infer<typeof toolCallSchema>;

/** A piece of a turn that is not only text. */
export type ContentPart =
  | { type: 'text'; text: string }
  /** `url`: `https:` or a `data:` URL; `detail`: OpenAI's, for wires that know it. */
  | { type: 'image'; url: string; detail?: 'auto' | 'low' | 'high' };

/** One turn of the conversation that a model is given. */
export interface ChatTurn {
  /** `tool`: the answer to a call that the assistant's turn before it asked for. */
  role: 'system' | 'user' | 'assistant' | 'tool';
  /** Its text; of a turn with `parts`, that of all of them together. */
  content: string;
  /** Set only where the turn is more than its text; then this is what the model is given. */
  parts?: ContentPart[];
  /** What an assistant's turn asked for. */
  toolCalls?: ToolCall[];
  /** Of a `tool` turn: which call it answers. */
  toolCallId?: string;
}

/** A function that a model may ask for. */
export interface ToolDefinition {
  name: string;
  description?: string;
  /** A JSON schema of an object; left out: it takes nothing. */
  parameters?: Record<string, unknown>;
  /** Arguments must follow the schema to the letter, where the wire knows that. */
  strict?: boolean;
}

/** Whether a model may, must or must not ask for a function; an object: it must ask for that one. */
export type ToolChoice = 'auto' | 'none' | 'required' | { name: string };

/** What the answer must look like. */
export type ResponseFormat =
  | { type: 'json_object' }
  | {
      type: 'json_schema';
      name: string;
      schema: Record<string, unknown>;
      description?: string;
      strict?: boolean;
    };

/** What only callers of the compatible APIs ask for. Each provider takes what its wire has; the rest is left out. */
export interface PromptOptions {
  tools?: ToolDefinition[];
  toolChoice?: ToolChoice;
  /** False: at most one call in an answer. */
  parallelToolCalls?: boolean;
  responseFormat?: ResponseFormat;
  /** The text ends before any of these. */
  stop?: string[];
  seed?: number;
  presencePenalty?: number;
  frequencyPenalty?: number;
  topK?: number;
  reasoningEffort?: 'none' | 'minimal' | 'low' | 'medium' | 'high' | 'xhigh' | 'max';
}

/** What a generation is made from, where that is not the conversation in its session. */
export interface PromptInput {
  /** At most one system turn, first. */
  turns: ChatTurn[];
  options?: PromptOptions;
}
