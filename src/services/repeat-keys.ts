/** What a client gives a request so that it may be repeated. */
export interface GivenKeys {
  /** The `Idempotency-Key` header, which counts for all requests of the user. */
  header: string | undefined;
  /** The `clientMessageId`, which counts within `scope`. */
  own?: { id: string | undefined; scope: string };
}

/** The keys under which a request may be repeated, each with its scope before it; none: it is never a repetition. */
export function repeatKeys({ header, own }: GivenKeys): string[] {
  const keys = header === undefined ? [] : [`key:${header}`];
  return own?.id === undefined ? keys : [...keys, `${own.scope}:${own.id}`];
}
