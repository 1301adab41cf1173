import { slices } from '../../../base/text.ts';
import {
  CONTEXT_OPTIONS,
  type ContextOption,
  type ContextReport,
  type EnhanceContext,
} from '../../../contracts/enhancement.ts';
import type { Db } from '../../../data/database.ts';
import { countTokens } from '../../count-tokens.ts';
import { behind } from '../../masking/marked-text.ts';
import type { Masker } from '../../masking/masker.ts';
import { currentTab } from './current-tab.ts';
import { opportunityDetails } from './opportunity-details.ts';
import type { Assembler, ContextPiece } from './piece.ts';
import { relatedFields } from './related-fields.ts';
import { userHistory } from './user-history.ts';

/** What is to be told beside a text. */
export interface ContextRequest {
  userId: string;
  context: EnhanceContext;
  options: readonly ContextOption[];
  /** Most tokens of all of it. */
  budgetTokens: number;
  /** That of the request: what stands in the text and in the context gets one placeholder. */
  masker: Masker;
}

/** What is told, masked; and what of it fitted. */
export interface AssembledContext {
  text: string;
  report: ContextReport;
}

/** Of what did not fit, so much is named; and as often the next one is tried, which may be shorter. */
const MAX_OMITTED = 50;
/** A record of which less fits than this many tokens is left out. */
const MIN_TOKENS = 20;
/** What stands between two records. */
const BETWEEN_TOKENS = 2;

/**
 * Assembles what the options tell, nearest first, until the budget is used up. Of what does not fit whole, the first lines
 * are taken.
 *
 * @throws {AppError} `not_found` for a record that is not registered
 */
export async function assembleContext(db: Db, request: ContextRequest): Promise<AssembledContext> {
  const { userId, context, options, budgetTokens, masker } = request;
  const assemblers: Record<ContextOption, Assembler> = {
    current_tab: currentTab,
    opportunity_details: opportunityDetails(db),
    related_fields: relatedFields(db),
    user_history: userHistory(db),
  };
  const report: ContextReport = { included: [], omitted: [], tokens: 0 };
  const texts: string[] = [];
  const told = new Set<string>();
  for (const option of CONTEXT_OPTIONS.filter((each) => options.includes(each))) {
    for await (const piece of assemblers[option]({ userId, context, told })) {
      const { source } = piece;
      const fitted = await takeOf(piece, budgetTokens - report.tokens, masker);
      if (fitted) {
        const { tokens, cut } = fitted;
        report.included.push({ option, source, tokens, cut });
        report.tokens += tokens;
        texts.push(fitted.text);
      } else report.omitted.push({ option, source });
      if (report.omitted.length >= MAX_OMITTED) break;
    }
  }
  return { text: texts.join('\n\n'), report };
}

/** As many lines of a piece as fit, masked; undefined when that is next to nothing. */
async function takeOf({ heading, text, maxLineUnits }: ContextPiece, room: number, masker: Masker) {
  if (room < MIN_TOKENS) return undefined;
  // Masked as a whole, before anything is cut: half a key is not known as one.
  const whole = behind(text.text === '' ? heading : `${heading}\n`, text);
  const draft = await masker.draft(whole.text, whole.marked);
  const lines = draft.text.split('\n').map((line) => cutLine(line, maxLineUnits));
  const taken: string[] = [];
  let tokens = BETWEEN_TOKENS;
  for (const line of lines) {
    const more = await countTokens(`${line}\n`);
    if (tokens + more > room) break;
    tokens += more;
    taken.push(line);
  }
  const cut = taken.length < lines.length;
  if (taken.length === 0 || (cut && tokens < MIN_TOKENS)) return undefined;
  const used = taken.join('\n');
  draft.keep(used);
  return { text: used, tokens, cut };
}

function cutLine(line: string, maxUnits: number): string {
  if (line.length <= maxUnits) return line;
  const [head = ''] = slices(line, maxUnits);
  return `${head}…`;
}
