import { clearScreenDown, createInterface, cursorTo, type Interface, moveCursor } from 'node:readline';
import { Writable } from 'node:stream';
import type { WriteStream } from 'node:tty';
import { type TypedFrom, TypedInput } from './typed-input.ts';
import type { Prompt, View } from './view.ts';

/** Where lines come from. */
export interface Input {
  /** The next line; undefined when there is none any more, or Ctrl-C was pressed. */
  line(prompt: string): Promise<string | undefined>;
  /** Like {@link line}, without showing what is typed. */
  secret(prompt: string): Promise<string | undefined>;
}

/**
 * Lines that a person types. Between two of them nothing reads the terminal, so that Ctrl-C is a signal then.
 */
export function terminalInput(stdin: TypedFrom, stderr: WriteStream, view: View): Input {
  const input = new TypedInput(stdin);
  let history: string[] = [];

  return {
    line(prompt) {
      const reader = createInterface({ input, output: stderr, terminal: true, history });
      reader.on('history', (lines: string[]) => {
        history = [...lines];
      });
      view.keepBelow(promptOf(reader, stderr));
      return ask(input, reader, prompt).finally(() => view.keepBelow(undefined));
    },

    async secret(prompt) {
      stderr.write(prompt);
      const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
      const line = await ask(input, createInterface({ input, output: nowhere, terminal: true }), '');
      stderr.write('\n');
      return line;
    },
  };
}

/** A line that is being typed may take several rows, with the cursor in any of them. */
function promptOf(reader: Interface, stderr: WriteStream): Prompt {
  return {
    hide() {
      moveCursor(stderr, 0, -reader.getCursorPos().rows);
      cursorTo(stderr, 0);
      clearScreenDown(stderr);
      // Where readline thinks that the cursor is, below the first row: it would clear what is printed now.
      Object.assign(reader, { prevRows: 0 });
    },
    show: () => reader.prompt(true),
  };
}

function ask(input: TypedInput, reader: Interface, prompt: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    reader.on('SIGINT', () => reader.close());
    reader.on('close', () => {
      input.stop();
      resolve(undefined);
    });
    reader.question(prompt, (line) => {
      resolve(line);
      reader.close();
    });
    input.start();
  });
}

/** Lines of a file or a pipe. */
export function pipedInput(stdin: NodeJS.ReadableStream): Input {
  const lines = createInterface({ input: stdin })[Symbol.asyncIterator]();
  const line = async () => {
    const next = await lines.next();
    return next.done ? undefined : next.value;
  };
  return { line, secret: line };
}
