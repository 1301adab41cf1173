/** A set that forgets its oldest members. */
export class BoundedSet {
  readonly #members = new Set<string>();
  readonly #max: number;

  constructor(max: number) {
    this.#max = max;
  }

  has(member: string): boolean {
    return this.#members.has(member);
  }

  add(member: string): void {
    this.#members.add(member);
    if (this.#members.size > this.#max) this.#members.delete(this.#members.values().next().value as string);
  }

  /** All of them, oldest first. */
  list(): string[] {
    return [...this.#members];
  }

  delete(member: string): void {
    this.#members.delete(member);
  }
}
