/**
 * The arguments of a call for a wire that takes an object: what a model wrote may be no JSON, or no object, and is
 * an empty one then.
 */
export function readArguments(text: string): Record<string, unknown> {
  return asObject(text) ?? {};
}

/** The object that a text is the JSON of. */
export function asObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
