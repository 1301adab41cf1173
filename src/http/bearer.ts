/** The token of an `Authorization: Bearer` header; undefined without one. */
export function bearerToken(authorization: string): string | undefined {
  return /^bearer +(\S+) *$/i.exec(authorization)?.[1];
}

/**
 * What a request signs in with: an access token or an API key in `Authorization`, or else an API key in `x-api-key`, where
 * clients of Anthropic's API put it. Undefined without either.
 */
export function credentialOf(request: { get(header: string): string }): string | undefined {
  return bearerToken(request.get('authorization')) ?? (request.get('x-api-key').trim() || undefined);
}
