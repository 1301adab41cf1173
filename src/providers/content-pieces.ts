/** A piece of what a model wrote. */
interface ContentPiece {
  type: 'text' | 'reasoning';
  text: string;
}

/**
 * The pieces of a content that is a list, as Mistral's models that think have it
 * (https://docs.mistral.ai/capabilities/reasoning): `{ type: 'text', text }`, and `{ type: 'thinking', thinking }` with a
 * list of texts. What else a server may have in it is left out.
 */
export function contentPieces(parts: unknown[]): ContentPiece[] {
  return parts.flatMap((part) => {
    const { type, text, thinking } = (part ?? {}) as Record<string, unknown>;
    if (type === 'text') return pieceOf('text', text);
    if (type !== 'thinking') return [];
    const thoughts: unknown[] = Array.isArray(thinking) ? thinking : [{ text: thinking }];
    return thoughts.flatMap((thought) => pieceOf('reasoning', (thought as { text?: unknown } | null)?.text));
  });
}

function pieceOf(type: ContentPiece['type'], text: unknown): ContentPiece[] {
  return typeof text === 'string' && text !== '' ? [{ type, text }] : [];
}
