import type { Assembler } from './piece.ts';
import { renderData } from './render-data.ts';

/** Longest line of it. */
const MAX_LINE_UNITS = 500;

/** What the host shows beside the text, as it says itself. */
export const currentTab: Assembler = async function* ({ context }) {
  const text = renderData(context.metadata ?? {});
  if (text.text === '') return;
  yield {
    option: 'current_tab',
    source: 'tab',
    heading: 'What the author sees beside the text:',
    text,
    maxLineUnits: MAX_LINE_UNITS,
  };
};
