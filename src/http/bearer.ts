/** The token of an `Authorization: Bearer` header; undefined without one. */
export function bearerToken(authorization: string): string | undefined {
  return /^bearer +(\S+) *$/i.exec(authorization)?.[1];
}
