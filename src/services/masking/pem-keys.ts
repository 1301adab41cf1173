import { type Detector, secretAt } from './detector.ts';

const BEGIN = '-----BEGIN ';
const HEADER = /^-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----/;
const END = /-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----/g;
/** What a key is written in, also where its line breaks are written `\n`. */
const BODY = /[\w+/=\s\\:,.-]/;
/** Long enough for its header. */
const HEADER_UNITS = 80;

/** Private keys in PEM, to their end; one that is cut off as far as it looks like one. */
export const findPemKeys: Detector = function* (text) {
  let noEnd = false;
  for (let start = text.indexOf(BEGIN); start !== -1; ) {
    const header = HEADER.exec(text.slice(start, start + HEADER_UNITS))?.[0];
    if (header === undefined) {
      start = text.indexOf(BEGIN, start + BEGIN.length);
      continue;
    }
    END.lastIndex = start + header.length;
    const ending: RegExpExecArray | null = noEnd ? null : END.exec(text);
    // Where there is none behind this one, there is none behind the next: it is looked for once.
    noEnd = ending === null;
    const end = ending ? ending.index + ending[0].length : endOfBody(text, start + header.length);
    yield secretAt(text.slice(start, end), start);
    start = text.indexOf(BEGIN, end);
  }
};

function endOfBody(text: string, from: number): number {
  let end = from;
  while (end < text.length && BODY.test(text.charAt(end))) end += 1;
  return end;
}
