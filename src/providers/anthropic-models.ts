import type { ModelCapability } from '../contracts/model.ts';
import { asEntry, asLimit, asText, type Entry, listed, present } from './list-models.ts';
import type { ListedModel } from './provider.ts';

/**
 * A model of Anthropic's list (https://platform.claude.com/docs/en/api/models/list). All of them write text and use
 * tools; servers that only speak the wire may leave out all but the id. Left out are models that are retired.
 */
export function toAnthropicModel(entry: Entry): ListedModel | undefined {
  const name = asText(entry.id);
  if (!name || entry.lifecycle === 'retired') return undefined;
  return listed({
    name,
    title: asText(entry.display_name),
    contextLength: asLimit(entry.max_input_tokens),
    maxOutputTokens: asLimit(entry.max_tokens),
    capabilities: entry.capabilities ? capabilitiesOf(asEntry(entry.capabilities)) : undefined,
  });
}

function capabilitiesOf(told: Entry): ModelCapability[] {
  const has = (name: string) => asEntry(told[name]).supported === true;
  return present(
    ['text', true],
    ['vision', has('image_input')],
    ['tools', true],
    ['json', has('structured_outputs')],
    ['reasoning', has('thinking')],
  );
}
