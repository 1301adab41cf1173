/** Whether a process dies before a step takes effect, or after it and before it hears of that. */
export type Moment = 'before' | 'after';
export const MOMENTS = ['before', 'after'] as const;

/** When a process is to die. */
export interface CrashPlan {
  /** At the crossings of this step alone; left out: of any. */
  step?: string;
  /** How many of these crossings pass before; 0: the first one is the last. */
  passes: number;
  moment: Moment;
}

/** Thrown into a transaction of a process that died, so that it is rolled back. Nothing of the product sees it. */
export class Crash extends Error {
  override readonly name = 'Crash';
}

/** How often each step was crossed, and how often a process died there. */
export class CrashCoverage {
  readonly #steps = new Map<string, { crossed: number } & Record<Moment, number>>();

  /** Every step that was crossed. */
  get steps(): string[] {
    return [...this.#steps.keys()];
  }

  crossed(step: string): void {
    this.#of(step).crossed += 1;
  }

  died(step: string, moment: Moment): void {
    this.#of(step)[moment] += 1;
  }

  crossings(step: string): number {
    return this.#steps.get(step)?.crossed ?? 0;
  }

  deaths(step: string, moment: Moment): number {
    return this.#steps.get(step)?.[moment] ?? 0;
  }

  /** One line a step, for people. */
  toString(): string {
    const lines = [...this.#steps].sort(([a], [b]) => (a < b ? -1 : 1));
    return lines
      .map(
        ([step, { crossed, before, after }]) =>
          `${step}: ${crossed} times, died ${before} before, ${after} after`,
      )
      .join('\n');
  }

  #of(step: string) {
    const known = this.#steps.get(step) ?? { crossed: 0, before: 0, after: 0 };
    this.#steps.set(step, known);
    return known;
  }
}

/** What processes have in common. */
export interface Machine {
  readonly coverage: CrashCoverage;
  /** Effects that are under way, those of processes that died meanwhile too. */
  readonly effects: Set<Promise<unknown>>;
}

/** How something that a process was asked to do came out. */
export type Outcome<T> = { is: 'done'; value: T } | { is: 'failed'; error: unknown } | { is: 'crashed' };

/** Never settles: whoever waits for it does nothing more, as in a process that is gone. */
export const never = <T>(): Promise<T> => new Promise<T>(() => {});

/**
 * A process that may die between any two steps. Whatever leaves it (a statement, a commit, an event, a job) goes through
 * {@link pass}; once it has died, nothing that it waits for is ever answered, and nothing leaves it any more.
 */
export class CrashingProcess {
  readonly #machine: Machine;
  #plans: CrashPlan[] = [];
  #dead = false;
  #die: (crash: Crash) => void = () => {};
  readonly #death: Promise<never>;

  constructor(machine: Machine) {
    this.#machine = machine;
    this.#death = new Promise<never>((_, reject) => {
      this.#die = reject;
    });
    this.#death.catch(() => {});
  }

  get dead(): boolean {
    return this.#dead;
  }

  /** Sets when it dies: by whichever of these comes first. */
  plan(plans: CrashPlan[]): void {
    this.#plans = plans.map((plan) => ({ ...plan }));
  }

  /** Ends it, here and now. */
  crash(): void {
    this.#dead = true;
    this.#die(new Crash('the process died'));
  }

  /** Has something done in it, by whoever is outside and learns that it died. */
  async ask<T>(work: () => Promise<T>): Promise<Outcome<T>> {
    if (this.#dead) return { is: 'crashed' };
    try {
      return { is: 'done', value: await this.orDie(work()) };
    } catch (error) {
      return error instanceof Crash ? { is: 'crashed' } : { is: 'failed', error };
    }
  }

  /** @throws {Crash} when it dies before the work is done */
  orDie<T>(work: Promise<T>): Promise<T> {
    return Promise.race([work, this.#death]);
  }

  /** Takes a step out of the process. The effect begins at once. */
  async pass<T>(step: string, effect: () => Promise<T>): Promise<T> {
    if (this.#dead || this.diesAt(step, 'before')) return never();
    const settled = await this.track(effect()).then(
      (value) => ({ value }),
      (error: unknown) => ({ error }),
    );
    if (this.#dead || this.diesAt(step, 'after')) return never();
    if ('error' in settled) throw settled.error;
    return settled.value;
  }

  /** Remembers an effect until it is over. */
  track<T>(effect: Promise<T>): Promise<T> {
    const { effects } = this.#machine;
    const done = effect.then(
      () => {},
      () => {},
    );
    effects.add(done);
    void done.then(() => effects.delete(done));
    return effect;
  }

  /** Crosses one side of a step; answers whether the process dies there. */
  diesAt(step: string, moment: Moment): boolean {
    const { coverage } = this.#machine;
    if (moment === 'before') coverage.crossed(step);
    const met = this.#plans.filter((plan) => plan.moment === moment && (plan.step ?? step) === step);
    for (const plan of met) plan.passes -= 1;
    if (met.every(({ passes }) => passes >= 0)) return false;
    coverage.died(step, moment);
    this.crash();
    return true;
  }
}
