import type { Content, Part } from '@google/genai';
import type { ChatTurn, ContentPart, ToolCall } from '../contracts/prompt.ts';
import { asObject, readArguments } from './call-arguments.ts';
import { readDataUrl } from './data-url.ts';
import { signaturesOf } from './gemini-signatures.ts';
import { joinTurns, type ToolAnswer } from './joined-turns.ts';
import { ProviderError } from './provider.ts';
import { splitCallId } from './tool-call-id.ts';

/**
 * The turns in the words of Google's SDK (https://ai.google.dev/api/caching#Content). What tools answered stands by
 * itself, before what the user says: models say nothing, or refuse, where both are one turn
 * (https://github.com/pydantic/pydantic-ai/issues/4210).
 *
 * @param model the provider's own name
 * @throws {ProviderError} `bad_request` for an image that is not in the request, and for an answer to no call
 */
export function toGeminiContents(turns: readonly ChatTurn[], model: string): Content[] {
  const names = new Map<string, string>();
  return joinTurns(turns).flatMap(({ role, parts, calls, answers }) => {
    for (const { id, name } of calls) names.set(splitCallId(id).id, name);
    const said = [...answers.flatMap(imagesOf), ...parts.map(toPart), ...toFunctionCalls(calls, model)];
    return [
      { role: 'user', parts: answers.map((answer) => toFunctionResponse(answer, names)) },
      { role: role === 'assistant' ? 'model' : 'user', parts: said },
    ].filter((content) => content.parts.length > 0);
  });
}

function toPart(part: ContentPart): Part {
  return part.type === 'text' ? { text: part.text } : { inlineData: toInlineData(part.url) };
}

/** An image elsewhere is asked for by its media type here, which its address does not tell. */
function toInlineData(url: string): { mimeType: string; data: string } {
  const inline = readDataUrl(url);
  if (inline) return { mimeType: inline.mediaType, data: inline.data };
  throw new ProviderError(
    'bad_request',
    'Gemini is not given images by their addresses: send them inside the request, as data URLs.',
  );
}

function toFunctionCalls(calls: ToolCall[], model: string): Part[] {
  const signatures = signaturesOf(calls, model);
  return calls.map(({ id, name, arguments: text }, n) => ({
    functionCall: { id: splitCallId(id).id, name, args: readArguments(text) },
    ...(signatures[n] === undefined ? {} : { thoughtSignature: signatures[n] }),
  }));
}

/** The name is demanded, and stands only with the call. An object is the answer itself, any text its `output`. */
function toFunctionResponse({ callId, content }: ToolAnswer, names: Map<string, string>): Part {
  const { id } = splitCallId(callId);
  const name = names.get(id);
  if (name === undefined) {
    throw new ProviderError('bad_request', 'A tool answers a call that is not in the turns before it.');
  }
  return { functionResponse: { id, name, response: asObject(content) ?? { output: content } } };
}

/** Older models take no pictures inside of an answer. */
function imagesOf({ parts = [] }: ToolAnswer): Part[] {
  return parts.filter(({ type }) => type === 'image').map(toPart);
}
