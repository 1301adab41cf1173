import type { AssistantBlock, ShownBlock, SystemText, UserBlock } from '../contracts/anthropic-blocks.ts';
import type { AnthropicBody, AnthropicCountBody } from '../contracts/anthropic-messages.ts';
import type { ChatTurn, ContentPart, PromptInput, PromptOptions, ToolChoice } from '../contracts/prompt.ts';
import type { NewCall } from '../services/calls.ts';
import { defined, toPrompt, turnOf } from './prompt-turns.ts';

/** What a request of messages asks. @throws {AppError} `validation_failed` */
export function anthropicCall(body: AnthropicBody): NewCall {
  const { model, temperature, top_p: topP, max_tokens: maxTokens, stop_sequences: stop, top_k: topK } = body;
  const sampling = defined({ stop: stop?.length ? stop : undefined, topK });
  return {
    model,
    prompt: anthropicPrompt(body, sampling),
    settings: defined({ temperature, topP, maxTokens }),
    paths: {
      model: 'body.model',
      content: 'body.messages',
      temperature: 'body.temperature',
      maxTokens: 'body.max_tokens',
    },
  };
}

/** What a model is told. @throws {AppError} `validation_failed` */
export function anthropicPrompt(body: AnthropicCountBody, sampling: PromptOptions = {}): PromptInput {
  const system = body.system ? [systemTurn(body.system)] : [];
  const turns = body.messages.flatMap(({ role, content }): ChatTurn[] => {
    if (role === 'system') return [systemTurn(content)];
    if (role === 'user') return userTurns(listOf(content));
    return [assistantTurn(listOf(content))];
  });
  return toPrompt([...system, ...turns], { ...toOptions(body), ...sampling }, 'body.messages');
}

const listOf = <B>(content: string | B[]): (B | { type: 'text'; text: string })[] =>
  typeof content === 'string' ? [{ type: 'text', text: content }] : content;

const systemTurn = (text: SystemText): ChatTurn => turnOf('system', listOf(text).map(toPart));

/** What tools answered comes first, then what the user says to it. */
function userTurns(blocks: UserBlock[]): ChatTurn[] {
  const answers = blocks.flatMap((block): ChatTurn[] => {
    if (block.type !== 'tool_result') return [];
    return [{ ...turnOf('tool', listOf(block.content ?? '').map(toPart)), toolCallId: block.tool_use_id }];
  });
  const said = blocks.flatMap((block) => (block.type === 'tool_result' ? [] : [toPart(block)]));
  return said.length > 0 ? [...answers, turnOf('user', said)] : answers;
}

/** Its thoughts are not told again. */
function assistantTurn(blocks: AssistantBlock[]): ChatTurn {
  const said = blocks.flatMap((block) => (block.type === 'text' ? [toPart(block)] : []));
  const toolCalls = blocks.flatMap((block) =>
    block.type === 'tool_use'
      ? [{ id: block.id, name: block.name, arguments: JSON.stringify(block.input ?? {}) }]
      : [],
  );
  return { ...turnOf('assistant', said), ...(toolCalls.length > 0 && { toolCalls }) };
}

function toPart(block: ShownBlock): ContentPart {
  if (block.type === 'text') return { type: 'text', text: block.text };
  const { source } = block;
  const url = source.type === 'url' ? source.url : `data:${source.media_type};base64,${source.data}`;
  return { type: 'image', url };
}

function toOptions({ tools, tool_choice, output_config }: AnthropicCountBody): PromptOptions {
  const known = tools?.map(({ name, description, input_schema: parameters, strict }) => ({
    name,
    parameters,
    ...defined({ description, strict }),
  }));
  const isSingle = tool_choice && tool_choice.type !== 'none' && tool_choice.disable_parallel_tool_use;
  const { effort, format } = output_config ?? {};
  return defined({
    tools: known?.length ? known : undefined,
    toolChoice: toToolChoice(tool_choice),
    parallelToolCalls: isSingle ? false : undefined,
    responseFormat: format && {
      type: 'json_schema' as const,
      name: 'answer',
      schema: format.schema,
      strict: true,
    },
    reasoningEffort: effort,
  });
}

function toToolChoice(choice: AnthropicCountBody['tool_choice']): ToolChoice | undefined {
  if (!choice) return undefined;
  if (choice.type === 'tool') return { name: choice.name };
  return choice.type === 'any' ? 'required' : choice.type;
}
