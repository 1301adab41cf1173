import { expect } from 'chai';
import fc from 'fast-check';
import { fileNameOf } from '../../src/presenters/file-name.ts';
import { escapeMarkdown, openBlock } from '../../src/presenters/markdown.ts';

describe('names of exported files', () => {
  it('are safe on every file system, whatever the title', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (title) => {
        const { name, ascii } = fileNameOf(title, 'json');
        for (const each of [name, ascii]) {
          expect(each).to.match(/^[^./\\:*?"<>|\s\p{Cc}\p{Cf}][^/\\:*?"<>|\p{Cc}\p{Cf}]*\.json$/u);
          expect(Buffer.byteLength(each)).to.be.at.most(255);
        }
        expect(ascii).to.match(/^[\x20-\x7e]+$/);
      }),
    );
  });

  it('are not those of Windows devices', () => {
    for (const title of ['CON', 'nul.txt', 'Com1'])
      expect(fileNameOf(title, 'md').name).to.equal(`_${title}.md`);
    expect(fileNameOf('console', 'md').name).to.equal('console.md');
  });

  it('take lone surrogates', () => {
    expect(fileNameOf('a\ud800b', 'md').name).to.equal('a\ufffdb.md');
  });

  it('lose accents, not words, in ASCII', () => {
    expect(fileNameOf('Café à la carte', 'md')).to.deep.equal({
      name: 'Café à la carte.md',
      ascii: 'Cafe a la carte.md',
    });
    expect(fileNameOf('日本語', 'md').ascii).to.equal('session.md');
  });
});

describe('Markdown', () => {
  it('means nothing in escaped text', () => {
    expect(escapeMarkdown(' a *b*\n# <c> [d](e) `f` & \\ ')).to.equal(
      'a \\*b\\* \\# \\<c\\> \\[d\\](e) \\`f\\` \\& \\\\',
    );
  });

  for (const [text, end] of [
    ['no code', null],
    ['```\nopen', '```'],
    ['```js\nclosed\n```', null],
    ['```\nclosed\n   ```  ', null],
    ['```\ncode\n```\n```\nagain', '```'],
    ['````\n```\nstill code', '````'],
    ['````\n```\n`````', null],
    ['~~~\n```', '~~~'],
    ['``` not `a` fence', null],
    ['~~~ a `fence`', '~~~'],
    ['```\ncode\n``` not the end', '```'],
    ['```\r\nclosed\r\n```\r\n', null],
    ['- ```\n  in a list, which ends it', null],
    ['1. item\n\n   ```js\n   code\n   ```', null],
    ['    ``` indented code', null],
    ['``', null],
    ['What is this?\n<!-- hidden\n\nfrom here on', '-->'],
    ['<!-- hidden -->\nseen', null],
    ['<!-- hidden\n--> seen\n<!-- again', '-->'],
    ['<!-- hidden\n```\nno code', '-->'],
    ['```\n<!-- code\n```', null],
    ['~~~\n<!-- code', '~~~'],
    ['in a line: <!-- text', null],
    ['<SCRIPT>\nalert(1)\n', '</SCRIPT>'],
    ['<pre class="a">\none\n</pre>', null],
    ['<style>a {}</style>', null],
    ['<textarea', '</textarea>'],
    ['<preface>', null],
    ['<?php\necho 1;', '?>'],
    ['<!DOCTYPE\nhtml', '>'],
    ['<![CDATA[\n>', ']]>'],
    ['<div>\nends at an empty line', null],
    ['<details>\n<summary>More</summary>\n\nfolded', '</details>'],
    ['  <details open>\n\n- a list\n\n<DETAILS>\n\nin it\n</details>', '</details>'],
    ['<details>\n\n```js\n// </details>', '```\n</details>'],
    ['<details><summary>More</summary>folded</details>', null],
    ['</details>\n<details', '</details>'],
    ['```html\n<details>\n```', null],
    ['    <details> indented code', null],
    ['the `<details>` of a page', null],
    ['<detailsheet>', null],
  ] as const) {
    it(`${end === null ? 'needs nothing' : `needs ${end}`} after ${JSON.stringify(text)}`, () => {
      expect(openBlock(text)).to.equal(end);
    });
  }
});
