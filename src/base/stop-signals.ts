/**
 * How long a signal counts as the one before it, in milliseconds. npm passes on what it is sent, to a process that has it already
 * where whole groups are told: by Ctrl-C on a terminal, by systemd, by `kill` of a group.
 */
const SAME_MS = 1_000;

/** What becomes of a process that is told to stop. */
export interface StopSignals {
  /** The first SIGTERM or SIGINT. */
  stop(signal: NodeJS.Signals): void;
  /** Another one: whoever sends it does not want to wait. */
  stopNow(): void;
}

/** Listens to SIGTERM and SIGINT from now on. */
export function onStopSignals({ stop, stopNow }: StopSignals): void {
  let firstAt: number | undefined;
  const listener = (signal: NodeJS.Signals) => {
    if (firstAt === undefined) {
      firstAt = performance.now();
      stop(signal);
    } else if (performance.now() - firstAt > SAME_MS) stopNow();
  };
  process.on('SIGTERM', listener).on('SIGINT', listener);
}
