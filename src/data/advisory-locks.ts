/**
 * The numbers of PostgreSQL's advisory locks. They may be any, and must differ from each other; all processes on a
 * database, of whichever version, must mean the same by them.
 */
export const ADVISORY_LOCKS = {
  /** One process migrates at a time. */
  migrate: 7_271_532_553,
  /** Held for as long as it runs by a process without Redis. */
  soleProcess: 7_271_532_554,
  /** One process reads the providers' lists of models at a time. */
  syncModels: 7_271_532_555,
  /** Who may do what changes in one transaction at a time. */
  access: 7_271_532_556,
} as const;
