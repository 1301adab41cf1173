import type { ContextOption, EnhanceContext } from '../../../contracts/enhancement.ts';
import type { MarkedText } from '../../masking/marked-text.ts';

/** Something that may be told beside the text. Not masked yet. */
export interface ContextPiece {
  option: ContextOption;
  /** `type/id` of a record, `tab`, or the id of an earlier enhancement. */
  source: string;
  /** What it is, then its lines. */
  heading: string;
  text: MarkedText;
  /** Longest line that is told, in UTF-16 code units. */
  maxLineUnits: number;
}

/** What is asked for. */
export interface AskedContext {
  userId: string;
  context: EnhanceContext;
  /** Records that were told already, by `type/id`: each is told once. */
  told: Set<string>;
}

/** Finds what one option tells, nearest first. Nobody takes more of it than fits. */
export type Assembler = (asked: AskedContext) => AsyncIterable<ContextPiece>;
