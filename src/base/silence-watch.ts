/** What is watched, and who is told. */
export interface SilenceWatchOptions {
  /** An answer is owed now. */
  isOwed: () => boolean;
  /** How long an answer may be owed while nothing is heard, in milliseconds. */
  silenceMs: number;
  onSilence: () => void;
}

/** A silence is noticed at the latest a step after its time. */
const STEPS = 10;

/**
 * Notices that a connection is dead: an answer is owed, and nothing is heard. What is said on it does not count, as the timeout of
 * a socket would have it: the system takes what is written for minutes, whether or not anybody is at the other end. Counted in
 * steps of one timer, so that neither asking nor hearing costs one, and a process that was frozen does not take it for a silence.
 */
export class SilenceWatch {
  readonly #options: SilenceWatchOptions;
  #timer: NodeJS.Timeout | undefined;
  #heard = false;
  #silentSteps = 0;

  constructor(options: SilenceWatchOptions) {
    this.#options = options;
  }

  start(): void {
    this.stop();
    this.#silentSteps = 0;
    this.#timer = setInterval(this.#step, this.#options.silenceMs / STEPS);
    this.#timer.unref();
  }

  /** Something arrived. */
  heard(): void {
    this.#heard = true;
  }

  /** May be called twice. */
  stop(): void {
    clearInterval(this.#timer);
  }

  // What is owed at two steps, with nothing heard between them, is owed since the first at the latest.
  readonly #step = (): void => {
    const isSilent = !this.#heard && this.#options.isOwed();
    this.#heard = false;
    this.#silentSteps = isSilent ? this.#silentSteps + 1 : 0;
    if (this.#silentSteps > STEPS) this.#options.onSilence();
  };
}
