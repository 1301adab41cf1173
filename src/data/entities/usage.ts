/** What a role, or one user, may use. Left out: the role decides; null: no limit. */
export interface UsageLimits {
  /** Replies a day (UTC). */
  dailyRequests?: number | null;
  /** Replies a calendar month (UTC). */
  monthlyRequests?: number | null;
  /** Input and output tokens a calendar month (UTC). */
  monthlyTokens?: number | null;
}

/** What everybody may use in one window. */
export interface WindowLimits {
  /** Length of a window, in seconds; windows begin at multiples of it since 1970. */
  seconds: number;
  /** Replies per user; undefined: no limit. */
  requests: number | undefined;
  /** Tokens per user; undefined: no limit. */
  tokens: number | undefined;
  /** US dollars of all users together; undefined: no limit, and nothing is added up. */
  orgCostUsd: number | undefined;
}

/** The limits that stand in the configuration. */
export interface AdmissionLimits {
  window: WindowLimits;
  /** Replies that one user has written at once. */
  maxRunning: number;
  /** Whether the usage limits of a role count; those that an admin set for one user always do. */
  byRole: boolean;
}

/** What a user has used, and may use. */
export interface UsageState {
  /** Credits, decimal strings. */
  balance: string;
  held: string;
  /** Tokens for which something is held. */
  heldTokens: number;
  /** Open replies. */
  running: number;
  dayRequests: number;
  monthRequests: number;
  monthTokens: number;
  windowRequests: number;
  windowTokens: number;
  /** US dollars, decimal strings; of the user, and of all users where that is limited. */
  windowCostUsd: string;
  orgCostUsd: string;
  /** Of the role, with what was set for the user over it. */
  limits: UsageLimits;
  /** When the current day, month and window end. */
  dayEndsAt: Date;
  monthEndsAt: Date;
  windowEndsAt: Date;
}
