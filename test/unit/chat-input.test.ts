import { Readable } from 'node:stream';
import type { WriteStream } from 'node:tty';
import { expect } from 'chai';
import { terminalInput } from '../../cli/chat/input.ts';
import type { TypedFrom } from '../../cli/chat/typed-input.ts';
import { View } from '../../cli/chat/view.ts';
import { TerminalScreen } from '../support/terminal-screen.ts';

/** Somebody who types. */
class Keyboard extends Readable {
  isRaw = false;

  setRawMode(on: boolean): this {
    this.isRaw = on;
    return this;
  }

  override _read(): void {}
}

const ENTER = '\r';
const ALT_ENTER = '\u001b\r';
const LEFT = '\u001b[D';

describe('the input of the chat client, on a terminal', () => {
  function open(columns = 80) {
    const keyboard = new Keyboard();
    const screen = new TerminalScreen(columns);
    const view = new View(screen, screen);
    const input = terminalInput(keyboard as unknown as TypedFrom, screen as unknown as WriteStream, view);
    return { keyboard, screen, view, input };
  }

  it('loses nothing of several lines that come at once, as when they are pasted', async () => {
    const { keyboard, input } = open();
    keyboard.push(`one${ENTER}zwei 你好\r\nthree${ENTER}fo`);
    expect(await input.line('> ')).to.equal('one');
    expect(await input.line('> ')).to.equal('zwei 你好');
    expect(await input.line('> ')).to.equal('three');
    const fourth = input.line('> ');
    keyboard.push(`ur${ENTER}`);
    expect(await fourth).to.equal('four');
  });

  it('takes an address and a password that were pasted together, and shows the first alone', async () => {
    const { keyboard, screen, input } = open();
    keyboard.push(`ada@example.com${ENTER}correct horse${ENTER}`);
    expect(await input.line('E-mail: ')).to.equal('ada@example.com');
    expect(await input.secret('Password: ')).to.equal('correct horse');
    expect(screen.rows).to.deep.equal(['E-mail: ada@example.com', 'Password:', '']);
  });

  it('goes on reading after an end of a line that ends none', async () => {
    const { keyboard, input } = open();
    const line = input.line('> ');
    keyboard.push(`a${ALT_ENTER}`);
    keyboard.push(`b${ENTER}`);
    expect(await line).to.equal('ab');
  });

  it('reads nothing between two lines', async () => {
    const { keyboard, input } = open();
    keyboard.push(ENTER);
    await input.line('> ');
    expect(keyboard.isRaw).to.equal(false);
    expect(keyboard.isPaused()).to.equal(true);
  });

  it('keeps what is typed below what is printed, however many rows it takes', async () => {
    const { keyboard, screen, view, input } = open(20);
    const line = input.line('> ');
    keyboard.push('a line of more rows than one, or two');
    await settled();
    view.notice('Gone.');
    view.notice('Back.');
    const typed = ['> a line of more row', 's than one, or two'];
    expect(screen.rows).to.deep.equal(['Gone.', 'Back.', ...typed]);

    keyboard.push(LEFT.repeat(25));
    await settled();
    view.notice('Again.');
    expect(screen.rows).to.deep.equal(['Gone.', 'Back.', 'Again.', ...typed]);
    // One key at a time: readline appends what is pasted.
    for (const key of ['X', ENTER]) {
      keyboard.push(key);
      await settled();
    }
    expect(await line).to.equal('a line of mXore rows than one, or two');
  });
});

/** Until what was pushed has been read. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
