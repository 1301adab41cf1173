/** Longest name without its ending, in characters. Four bytes each would still fit into the 255 of a file system. */
const MAX_CHARS = 60;

/** Path separators, what Windows forbids, control and invisible direction-changing characters, line ends. */
const UNSAFE = /[/\\:*?"<>|\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]+/gu;

/** Names that Windows keeps for devices, whatever their ending. */
const RESERVED = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i;

/** A name for a downloaded file, made of a title that anybody may have written. */
export interface FileName {
  /** For `filename*`. */
  name: string;
  /** The same for clients that know ASCII only. */
  ascii: string;
}

/**
 * A safe file name.
 *
 * @param title anything; a title that leaves nothing becomes `session`
 * @param extension without the dot
 */
export function fileNameOf(title: string | null, extension: string): FileName {
  const stem = safeStem(title ?? '') || 'session';
  return {
    name: `${stem}.${extension}`,
    ascii: `${safeStem(toAscii(stem)) || 'session'}.${extension}`,
  };
}

/** Without dots and spaces at either end: hidden files, and what Windows drops. */
function safeStem(text: string): string {
  const clean = text.toWellFormed().normalize('NFC').replace(UNSAFE, ' ').replace(/\s+/g, ' ');
  const cut = [...clean].slice(0, MAX_CHARS).join('');
  const stem = cut.replace(/^[.\s]+|[.\s]+$/g, '');
  return RESERVED.test(stem) ? `_${stem}` : stem;
}

/** Without accents; what is still not ASCII becomes a space. */
const toAscii = (text: string): string =>
  text
    .normalize('NFD')
    .replace(/\p{M}+/gu, '')
    .replace(/[^\x20-\x7e]+/g, ' ');
