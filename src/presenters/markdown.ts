/** Plain text for the inside of a line of Markdown: no character of it means anything, and it stays one line. */
export const escapeMarkdown = (text: string): string =>
  text
    .replace(/\s+/g, ' ')
    .trim()
    .replace(/[\\`*_[\]<>#|~&]/g, '\\$&');

/**
 * What ends a code block, a block of HTML, or `<details>`, which `text` leaves open, as a stopped reply does; null when there is none.
 * Without it everything after the text would be code, or not be seen at all behind a `<!--` or in what is folded.
 *
 * Only what begins at the start of a line counts: what is inside of lists and quotes ends with their container.
 *
 * @see https://spec.commonmark.org/0.31.2/#fenced-code-blocks, and the first five of
 *   https://spec.commonmark.org/0.31.2/#html-blocks: all others end at an empty line, though of their elements `<details>` goes on
 */
export function openBlock(text: string): string | null {
  let open: Block | null = null;
  let folded = 0;
  for (const line of text.split(/\r\n|\r|\n/)) {
    if (open !== null) {
      open = unless(open, line);
      continue;
    }
    // A fence does not close itself; HTML may end on the line on which it begins.
    open = fenceAt(line) ?? unless(htmlAt(line), line);
    if (open === null) folded = foldedAfter(line, folded);
  }
  const ends = [...(open === null ? [] : [open.end]), ...new Array<string>(folded).fill('</details>')];
  return ends.join('\n') || null;
}

interface Block {
  /** A line that ends it. */
  end: string;
  isEndedBy(line: string): boolean;
}

/** How many `<details>` are open behind a line, of which so many were open before. */
function foldedAfter(line: string, folded: number): number {
  const begun = folded + (/^ {0,3}<details(?=[\s>]|$)/i.test(line) ? 1 : 0);
  return Math.max(0, begun - (line.match(/<\/details>/gi)?.length ?? 0));
}

const unless = (open: Block | null, line: string): Block | null => (open?.isEndedBy(line) ? null : open);

/** Three or more backticks, with no backtick after them; or three or more tildes. */
const OPENING = /^(`{3,}(?=[^`]*$)|~{3,})/;
const CLOSING = /^ {0,3}(`{3,}|~{3,})[ \t]*$/;

function fenceAt(line: string): Block | null {
  const end = OPENING.exec(line)?.[1];
  if (end === undefined) return null;
  return {
    end,
    isEndedBy(later) {
      const fence = CLOSING.exec(later)?.[1];
      return fence !== undefined && fence[0] === end[0] && fence.length >= end.length;
    },
  };
}

const RAW_TAG = /^<(script|pre|style|textarea)(?=[\s>]|$)/i;
const RAW_END = /<\/(?:script|pre|style|textarea)>/i;
const HTML: [begin: RegExp, end: string][] = [
  [/^<!--/, '-->'],
  [/^<\?/, '?>'],
  [/^<!\[CDATA\[/, ']]>'],
  [/^<![a-z]/i, '>'],
];

function htmlAt(line: string): Block | null {
  const tag = RAW_TAG.exec(line)?.[1];
  if (tag !== undefined) return { end: `</${tag}>`, isEndedBy: (later) => RAW_END.test(later) };
  const end = HTML.find(([begin]) => begin.test(line))?.[1];
  return end === undefined ? null : { end, isEndedBy: (later) => later.includes(end) };
}
