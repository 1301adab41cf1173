import type { GenerationStart } from '../../src/queue/generation-consumer.ts';
import type { GenerationQueue } from '../../src/queue/generation-queue.ts';

interface Job {
  state: 'waiting' | 'active';
  /** Whoever takes it is the first. */
  isFirst: boolean;
}

/** The queue in this process: jobs by id, as BullMQ keeps them. What is taken, and what becomes of it, the test says. */
export class JobQueue implements GenerationQueue {
  readonly #jobs = new Map<string, Job>();

  /** Jobs that nobody has taken, oldest first. */
  get waiting(): string[] {
    return [...this.#jobs].flatMap(([id, { state }]) => (state === 'waiting' ? [id] : []));
  }

  async enqueue(id: string): Promise<void> {
    this.#add(id, { state: 'waiting', isFirst: true });
  }

  async enqueueAgain(id: string): Promise<void> {
    this.#add(id, { state: 'waiting', isFirst: false });
  }

  async remove(id: string): Promise<void> {
    if (this.#jobs.get(id)?.state === 'waiting') this.#jobs.delete(id);
  }

  /** A worker takes a job that waits. */
  take(id: string): GenerationStart {
    const isFirst = this.#jobs.get(id)?.isFirst ?? false;
    this.#jobs.set(id, { state: 'active', isFirst: false });
    return { generationId: id, isFirst };
  }

  /** A job waits again: its worker gave it back, or has lost it. */
  giveBack(id: string): void {
    this.#jobs.set(id, { state: 'waiting', isFirst: false });
  }

  /** A job is gone: done, or lost. */
  drop(id: string): void {
    this.#jobs.delete(id);
  }

  #add(id: string, job: Job): void {
    if (!this.#jobs.has(id)) this.#jobs.set(id, job);
  }

  async ping(): Promise<void> {}
  async close(): Promise<void> {}
}
