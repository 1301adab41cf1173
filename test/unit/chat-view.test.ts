import { Writable } from 'node:stream';
import { expect } from 'chai';
import { View } from '../../cli/chat/view.ts';

/** Somewhere to print to. */
class Screen extends Writable {
  readonly isTTY: boolean;
  readonly #colours: boolean;
  printed = '';

  constructor({ isTTY = true, colours = false } = {}) {
    super();
    this.isTTY = isTTY;
    this.#colours = colours;
  }

  hasColors(): boolean {
    return this.#colours;
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.printed += chunk.toString();
    done();
  }
}

describe('the view of the chat client', () => {
  it('shows reasoning apart from the answer, also where there are no colours', () => {
    const out = new Screen();
    const view = new View(out, new Screen());
    for (const text of ['Let me ', 'see.']) view.reasoning(text);
    for (const text of ['It ', 'is.']) view.text(text);
    view.endReply();
    view.text('Without.');
    view.endReply();
    expect(out.printed).to.equal('--- reasoning ---\nLet me see.\n--- answer ---\nIt is.\nWithout.\n');
  });

  it('dims it, and lets it drive the terminal as little as a text', () => {
    const out = new Screen({ colours: true });
    const view = new View(out, new Screen());
    view.reasoning('a\u001b[31mb');
    view.text('c');
    expect(out.printed).to.equal(
      '\u001b[2m--- reasoning ---\u001b[22m\n\u001b[2ma[31mb\u001b[22m\n\u001b[2m--- answer ---\u001b[22m\nc',
    );
  });

  it('begins anew after a restart, and after a reply that only reasoned', () => {
    const out = new Screen();
    const view = new View(out, new Screen());
    view.reasoning('one');
    view.restart();
    view.reasoning('two');
    view.endReply();
    view.text('three');
    view.endReply();
    expect(out.printed).to.equal(
      '--- reasoning ---\none\n--- interrupted; the reply starts over ---\n--- reasoning ---\ntwo\nthree\n',
    );
  });

  it('prints nothing but the reply into a file', () => {
    const [out, err] = [new Screen({ isTTY: false }), new Screen({ isTTY: false })];
    const view = new View(out, err);
    view.reasoning('Let me see.');
    view.text('It is.');
    view.endReply();
    expect(out.printed).to.equal('It is.\n');
    expect(err.printed).to.equal('');
  });
});
