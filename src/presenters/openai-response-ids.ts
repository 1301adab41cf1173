/** What a piece of an answer is. */
export type ItemKind = 'message' | 'reasoning' | 'function_call';

const PREFIXES: Readonly<Record<ItemKind, string>> = { message: 'msg', reasoning: 'rs', function_call: 'fc' };
const PATTERN = /^(msg|rs|fc)_([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})_(\d{1,4})$/;

/**
 * The id of a piece of an answer: it names the message, so that the answer is found again from it.
 *
 * @param index which piece of its kind it is, from 0
 */
export const itemId = (kind: ItemKind, messageId: string, index: number): string =>
  `${PREFIXES[kind]}_${messageId}_${index}`;

/** What {@link itemId} made an id of; undefined of any other id. */
export function readItemId(id: string): { kind: ItemKind; messageId: string; index: number } | undefined {
  const [, prefix, messageId = '', index] = PATTERN.exec(id) ?? [];
  const kind = (Object.keys(PREFIXES) as ItemKind[]).find((each) => PREFIXES[each] === prefix);
  return kind && { kind, messageId, index: Number(index) };
}
