import { clearLine, createInterface, cursorTo, type Interface } from 'node:readline';
import { Writable } from 'node:stream';
import type { ReadStream, WriteStream } from 'node:tty';
import type { View } from './view.ts';

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
export function terminalInput(stdin: ReadStream, stderr: WriteStream, view: View): Input {
  let history: string[] = [];

  return {
    line(prompt) {
      const reader = createInterface({ input: stdin, output: stderr, terminal: true, history });
      reader.on('history', (lines: string[]) => {
        history = [...lines];
      });
      view.keepBelow({
        hide() {
          cursorTo(stderr, 0);
          clearLine(stderr, 0);
        },
        show: () => reader.prompt(true),
      });
      return ask(reader, prompt).finally(() => view.keepBelow(undefined));
    },

    async secret(prompt) {
      stderr.write(prompt);
      const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
      const line = await ask(createInterface({ input: stdin, output: nowhere, terminal: true }), '');
      stderr.write('\n');
      return line;
    },
  };
}

function ask(reader: Interface, prompt: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    reader.on('SIGINT', () => reader.close());
    reader.on('close', () => resolve(undefined));
    reader.question(prompt, (line) => {
      resolve(line);
      reader.close();
    });
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
