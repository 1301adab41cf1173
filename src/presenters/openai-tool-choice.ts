import type { PromptOptions, ToolChoice, ToolDefinition } from '../contracts/prompt.ts';
import { unknownTool } from './prompt-turns.ts';

/** A choice among some of the tools. */
export interface AllowedTools {
  mode: 'auto' | 'required';
  names: string[];
}

/**
 * The tools that a model is told of, and how it may choose. Only OpenAI knows a choice among some of them (which spares its
 * cache), so a model is told of those alone.
 *
 * @throws {AppError} `validation_failed` for a choice of one that is not there
 */
export function chooseTools(
  tools: ToolDefinition[],
  choice: ToolChoice | AllowedTools | undefined,
): Pick<PromptOptions, 'tools' | 'toolChoice'> {
  const told = (some: ToolDefinition[]) => (some.length > 0 ? { tools: some } : {});
  if (typeof choice !== 'object' || !('names' in choice)) {
    return { ...told(tools), ...(choice !== undefined && { toolChoice: choice }) };
  }
  const { mode, names } = choice;
  const unknown = names.find((name) => !tools.some((tool) => tool.name === name));
  if (unknown !== undefined) throw unknownTool(unknown);
  return { ...told(tools.filter(({ name }) => names.includes(name))), toolChoice: mode };
}
