/** Who asks, as the access token says. Costs no I/O; the account itself is read where it is needed. */
export interface Identity {
  userId: string;
  /** The role at the time of signing in. */
  role: string;
  /** The sign-in that the token belongs to; revoked as a whole. */
  familyId: string;
  tokenId: string;
  /** Milliseconds since 1970. */
  expiresAt: number;
}
