import type { GenerationQueue } from '../../src/queue/generation-queue.ts';

/** The queue in this process: jobs by id, as BullMQ keeps them. What is taken, and what becomes of it, the test says. */
export class JobQueue implements GenerationQueue {
  readonly #jobs = new Map<string, 'waiting' | 'active'>();

  /** Jobs that nobody has taken, oldest first. */
  get waiting(): string[] {
    return [...this.#jobs].flatMap(([id, state]) => (state === 'waiting' ? [id] : []));
  }

  async enqueue(id: string): Promise<void> {
    if (!this.#jobs.has(id)) this.#jobs.set(id, 'waiting');
  }

  async remove(id: string): Promise<void> {
    if (this.#jobs.get(id) === 'waiting') this.#jobs.delete(id);
  }

  /** A worker takes a job that waits. */
  take(id: string): void {
    this.#jobs.set(id, 'active');
  }

  /** A job waits again: its worker gave it back, or has lost it. */
  giveBack(id: string): void {
    this.#jobs.set(id, 'waiting');
  }

  /** A job is gone: done, or lost. */
  drop(id: string): void {
    this.#jobs.delete(id);
  }

  async ping(): Promise<void> {}
  async close(): Promise<void> {}
}
