import { Writable } from 'node:stream';

/** What readline writes to move about: https://en.wikipedia.org/wiki/ANSI_escape_code#CSI */
const TOKEN = /\p{Cc}\[(\d*)([A-Za-z])|\r|\n|\P{Cc}/gu;

/** A terminal of some width that shows what is written to it; as high as it has to be. */
export class TerminalScreen extends Writable {
  readonly isTTY = true;
  readonly columns: number;
  #rows: string[] = [''];
  #row = 0;
  #column = 0;

  constructor(columns: number) {
    super();
    this.columns = columns;
  }

  /** What a person sees, without blanks at the ends of rows. */
  get rows(): string[] {
    return this.#rows.map((row) => row.trimEnd());
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    for (const [token, count, command] of chunk.toString().matchAll(TOKEN)) {
      if (command) this.#move(command, Number(count || (command === 'J' || command === 'K' ? 0 : 1)));
      else if (token === '\r') this.#column = 0;
      else if (token === '\n') this.#newRow();
      else this.#print(token);
    }
    done();
  }

  #move(command: string, count: number): void {
    if (command === 'A') this.#row = Math.max(0, this.#row - count);
    else if (command === 'B') this.#row = Math.min(this.#rows.length - 1, this.#row + count);
    else if (command === 'C') this.#column = Math.min(this.columns - 1, this.#column + count);
    else if (command === 'D') this.#column = Math.max(0, this.#column - count);
    else if (command === 'G') this.#column = count - 1;
    else if (command === 'J' || command === 'K') this.#clear(command, count);
  }

  #clear(command: string, count: number): void {
    this.#rows[this.#row] = count === 2 ? '' : (this.#rows[this.#row] ?? '').slice(0, this.#column);
    if (command === 'J') this.#rows.splice(this.#row + 1);
  }

  /** As of a terminal in its usual mode: the cursor goes to the first column, too. */
  #newRow(): void {
    this.#row += 1;
    this.#column = 0;
    this.#rows[this.#row] ??= '';
  }

  #print(character: string): void {
    if (this.#column === this.columns) this.#newRow();
    const row = (this.#rows[this.#row] ?? '').padEnd(this.#column);
    this.#rows[this.#row] = row.slice(0, this.#column) + character + row.slice(this.#column + 1);
    this.#column += 1;
  }
}
