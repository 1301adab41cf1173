import { setImmediate } from 'node:timers/promises';
import { type MaskedCounts, type MaskedKind, NONE_MASKED } from '../../contracts/masking.ts';
import type { Detector, Found } from './detector.ts';
import { mergeFound } from './merge-found.ts';
import { PLACEHOLDER, placeholderOf } from './placeholders.ts';

/** A masked text that may still be thrown away. */
export interface MaskedDraft {
  text: string;
  /** Keeps the placeholders that stand in `used`: this text, or the beginning of it. */
  keep(used: string): void;
}

/** Masks the texts of one request: the same value has the same placeholder in all of them. */
export interface Masker {
  mask(text: string): Promise<string>;
  /**
   * As {@link mask}, and forgotten unless it is kept: for what may turn out to be too long. What is marked is masked
   * whatever it looks like.
   */
  draft(text: string, marked?: readonly Found[]): Promise<MaskedDraft>;
  /** How many different values of each kind were masked. */
  readonly counts: MaskedCounts;
}

/** Longest turn of the event loop that is spent on one text, in milliseconds; a single detector may take longer. */
const TURN_MS = 5;

/**
 * Makes one. Values become `[EMAIL_1]`, `[SECRET_1]` and the like, by their kind, numbered by where they first stand;
 * a placeholder that is already in a text keeps its number to itself.
 */
export function createMasker(detectors: readonly Detector[]): Masker {
  const placeholders = new Map<string, string>();
  const counts = { ...NONE_MASKED };
  /** The last number that was given away. */
  const numbers = { ...NONE_MASKED };
  const written = new Set<string>();

  async function search(text: string): Promise<Found[]> {
    const all: Found[] = [];
    let turn = performance.now();
    for (const find of detectors) {
      for (const found of find(text)) {
        if (found) all.push(found);
        if (performance.now() - turn < TURN_MS) continue;
        await setImmediate();
        turn = performance.now();
      }
    }
    return all;
  }

  async function draft(text: string, marked: readonly Found[] = []): Promise<MaskedDraft> {
    // In this order: where two are the same part of a text, the first one says what it is.
    const found = [...marked, ...(await search(text))];
    for (const [placeholder] of text.matchAll(PLACEHOLDER)) written.add(placeholder);
    const fresh = new Map<string, { kind: MaskedKind; placeholder: string }>();
    const next = { ...numbers };
    const parts: string[] = [];
    let end = 0;
    for (const each of mergeFound(text, found)) {
      const id = `${each.kind}:${each.key}`;
      let placeholder = placeholders.get(id) ?? fresh.get(id)?.placeholder;
      if (placeholder === undefined) {
        do placeholder = placeholderOf(each.kind, ++next[each.kind]);
        while (written.has(placeholder));
        fresh.set(id, { kind: each.kind, placeholder });
      }
      parts.push(text.slice(end, each.start), placeholder);
      end = each.end;
    }
    parts.push(text.slice(end));
    return {
      text: parts.join(''),
      keep(used) {
        const standing = new Set(Array.from(used.matchAll(PLACEHOLDER), ([placeholder]) => placeholder));
        for (const [id, { kind, placeholder }] of fresh) {
          if (!standing.has(placeholder)) continue;
          placeholders.set(id, placeholder);
          counts[kind] += 1;
          numbers[kind] = Math.max(numbers[kind], Number(placeholder.replace(/\D/g, '')));
        }
      },
    };
  }

  return {
    draft,
    async mask(text) {
      const masked = await draft(text);
      masked.keep(masked.text);
      return masked.text;
    },
    get counts() {
      return { ...counts };
    },
  };
}
