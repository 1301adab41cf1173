import type {
  FunctionCallingConfig,
  FunctionCallingConfigMode,
  FunctionDeclaration,
  GenerateContentConfig,
  GenerateContentParameters,
} from '@google/genai';
import type { PromptOptions, ToolChoice, ToolDefinition } from '../contracts/prompt.ts';
import { toGeminiContents } from './gemini-contents.ts';
import { systemOf } from './joined-turns.ts';
import type { ProviderRequest } from './provider.ts';

/** How a request is sent. */
export interface GeminiCall {
  abort: AbortSignal;
  fetch: typeof globalThis.fetch;
}

/**
 * A request in the words of Google's SDK. There are no retries unless they are asked for; a reply that was cut at
 * the limit is not continued by the SDK.
 */
export function toGeminiRequest(
  request: ProviderRequest,
  { abort, fetch }: GeminiCall,
): GenerateContentParameters {
  const { model, turns, options = {}, temperature, topP, maxTokens } = request;
  const system = systemOf(turns);
  const config: GenerateContentConfig = {
    abortSignal: abort,
    httpOptions: { fetch },
    automaticContinuation: false,
    ...(system === undefined ? {} : { systemInstruction: system }),
    ...(temperature === undefined ? {} : { temperature }),
    ...(topP === undefined ? {} : { topP }),
    ...(maxTokens === undefined ? {} : { maxOutputTokens: maxTokens }),
    ...toolFields(options),
    ...outputFields(options),
    ...(THINKS.test(model) ? { thinkingConfig: { includeThoughts: true } } : {}),
  };
  return { model, contents: toGeminiContents(turns, model), config };
}

/** https://ai.google.dev/gemini-api/docs/function-calling; there is no limit to one call at a time. */
function toolFields({ tools, toolChoice }: PromptOptions): GenerateContentConfig {
  if (!tools?.length) return {};
  return {
    tools: [{ functionDeclarations: tools.map(toDeclaration) }],
    ...(toolChoice === undefined
      ? {}
      : { toolConfig: { functionCallingConfig: toCallingConfig(toolChoice) } }),
  };
}

function toDeclaration({ name, description, parameters }: ToolDefinition): FunctionDeclaration {
  return {
    name,
    ...(description === undefined ? {} : { description }),
    ...(parameters === undefined ? {} : { parametersJsonSchema: parameters }),
  };
}

function toCallingConfig(choice: ToolChoice): FunctionCallingConfig {
  if (typeof choice === 'object') return { mode: modeOf('ANY'), allowedFunctionNames: [choice.name] };
  return { mode: modeOf(choice === 'required' ? 'ANY' : choice === 'none' ? 'NONE' : 'AUTO') };
}

/** The enumeration itself is the SDK's, which is loaded only where it is used. */
function modeOf(mode: `${FunctionCallingConfigMode}`): FunctionCallingConfigMode {
  return mode as FunctionCallingConfigMode;
}

/** https://ai.google.dev/api/generate-content#generationconfig */
function outputFields(options: PromptOptions): GenerateContentConfig {
  const { responseFormat, stop, seed, presencePenalty, frequencyPenalty, topK } = options;
  return {
    ...(responseFormat ? { responseMimeType: 'application/json' } : {}),
    ...(responseFormat?.type === 'json_schema' ? { responseJsonSchema: responseFormat.schema } : {}),
    ...(stop?.length ? { stopSequences: stop } : {}),
    ...(seed === undefined ? {} : { seed }),
    // 0 is what it is without, and not every model takes them.
    ...(presencePenalty ? { presencePenalty } : {}),
    ...(frequencyPenalty ? { frequencyPenalty } : {}),
    ...(topK === undefined ? {} : { topK }),
  };
}

/**
 * Models that think, and send a summary of their thoughts when asked; others refuse to be asked. Without it they
 * are silent until they have thought, which may be longer than a first token may take.
 */
const THINKS = /^(models\/)?gemini-(2\.5|[3-9]|\d\d)(?!.*-(image|tts|audio|live))/;
