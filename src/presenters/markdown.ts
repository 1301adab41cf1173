/** Plain text for the inside of a line of Markdown: no character of it means anything, and it stays one line. */
export const escapeMarkdown = (text: string): string =>
  text
    .replace(/\s+/g, ' ')
    .trim()
    .replace(/[\\`*_[\]<>#|~&]/g, '\\$&');

/**
 * What ends a code block, or a block of HTML, which `text` leaves open, as a stopped reply does; null when there is none.
 * Without it everything after the text would be code, or not be seen at all behind a `<!--`.
 *
 * Only what begins at the start of a line counts: what is inside of lists and quotes ends with their container.
 *
 * @see https://spec.commonmark.org/0.31.2/#fenced-code-blocks, and the first five of
 *   https://spec.commonmark.org/0.31.2/#html-blocks: all others end at an empty line
 */
export function openBlock(text: string): string | null {
  let open: Block | null = null;
  for (const line of text.split(/\r\n|\r|\n/)) {
    // A fence does not close itself; HTML may end on the line on which it begins.
    if (open === null) open = fenceAt(line) ?? unless(htmlAt(line), line);
    else open = unless(open, line);
  }
  return open?.end ?? null;
}

interface Block {
  /** A line that ends it. */
  end: string;
  isEndedBy(line: string): boolean;
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
