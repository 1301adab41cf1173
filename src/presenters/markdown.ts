/** Plain text for the inside of a line of Markdown: no character of it means anything, and it stays one line. */
export const escapeMarkdown = (text: string): string =>
  text
    .replace(/\s+/g, ' ')
    .trim()
    .replace(/[\\`*_[\]<>#|~&]/g, '\\$&');

/**
 * The fence that ends a code block which `text` leaves open, as a stopped reply does; null when there is none.
 * Without it everything after the text would be code.
 *
 * Only fences at the start of a line count: those inside of lists and quotes end with their container.
 *
 * @see https://spec.commonmark.org/0.31.2/#fenced-code-blocks
 */
export function openFence(text: string): string | null {
  let open: string | null = null;
  for (const line of text.split(/\r\n|\r|\n/)) {
    if (open === null) open = OPENING.exec(line)?.[1] ?? null;
    else if (closes(line, open)) open = null;
  }
  return open;
}

/** Three or more backticks, with no backtick after them; or three or more tildes. */
const OPENING = /^(`{3,}(?=[^`]*$)|~{3,})/;
const CLOSING = /^ {0,3}(`{3,}|~{3,})[ \t]*$/;

function closes(line: string, open: string): boolean {
  const fence = CLOSING.exec(line)?.[1];
  return fence !== undefined && fence[0] === open[0] && fence.length >= open.length;
}
