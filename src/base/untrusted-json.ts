import type { z } from 'zod';
import type { FieldError } from '../contracts/errors.ts';
import { type Checked, checkInput, fieldPath } from './validation.ts';

/** Deeper than any contract; recursive code that meets the value later cannot overflow its stack. */
const MAX_DEPTH = 64;
const TOO_DEEP = `must not nest deeper than ${MAX_DEPTH} levels`;
/**
 * Most values in one: the values of all keys, all items, and what is empty once more. Some thousand messages with their parts,
 * and all that else may stand in a request. A contract takes time for each, and most for one that is wrong: up to 10 µs.
 */
const MAX_VALUES = 50_000;
/** No text of as many has less characters: `[0,0]`. */
const MIN_CHARACTERS = MAX_VALUES * 2;
const [QUOTE, BACKSLASH, COMMA, BRACKET, BRACE] = [...'"\\,[{'].map((sign) => sign.charCodeAt(0));

interface Node {
  value: object;
  key: string;
  parent: Node | undefined;
  depth: number;
}

/** The containers that were found and not looked into yet. */
interface Walk {
  root: string;
  /** The whole is no object. */
  isList: boolean;
  stack: Node[];
  /** Values that were found. */
  values: number;
}

/** Checks a value against a contract, after what no contract looks for: see {@link findHarm}. */
export function checkUntrusted<S extends z.ZodType>(
  schema: S,
  value: unknown,
  root: string,
): Checked<z.output<S>> {
  const harm = findHarm(value, root);
  return harm ? { ok: false, errors: [harm] } : checkInput(schema, value, root);
}

/**
 * Whether a JSON text has more values than {@link findHarm} lets through: to parse millions, and to forget them, takes a second;
 * to count them, some milliseconds. Of what is no JSON it says nothing that matters.
 */
export function findTooMany(text: string, root: string): FieldError | undefined {
  if (text.length < MIN_CHARACTERS) return undefined;
  let values = 0;
  let isInText = false;
  for (let at = 0; at < text.length && values <= MAX_VALUES; at += 1) {
    const sign = text.charCodeAt(at);
    if (sign === QUOTE) isInText = !isInText;
    else if (sign === BACKSLASH) at += 1;
    else if (!isInText && (sign === COMMA || sign === BRACKET || sign === BRACE)) values += 1;
  }
  return values > MAX_VALUES ? tooMany(root) : undefined;
}

/**
 * The first thing in a JSON value that no contract may let through, whatever it says: NUL and lone surrogates
 * (PostgreSQL and UTF-8 cannot hold them), `__proto__`, and nesting and numbers of values that only an attacker needs.
 * Goes through the value without recursion.
 *
 * @param root - begins the path, as in `body`
 */
export function findHarm(value: unknown, root: string): FieldError | undefined {
  if (typeof value === 'string') return refuse(harmOfText(value), root, []);
  if (!isContainer(value)) return undefined;
  const isList = Array.isArray(value);
  const walk: Walk = { root, isList, stack: [{ value, key: '', parent: undefined, depth: 1 }], values: 0 };
  for (let node = walk.stack.pop(); node; node = walk.stack.pop()) {
    const found = findHarmHere(node, walk);
    if (found) return found;
  }
  return undefined;
}

function findHarmHere(node: Node, walk: Walk): FieldError | undefined {
  const { root, stack } = walk;
  // In a field of the whole; a list has none.
  if (node.depth > MAX_DEPTH) return refuse(TOO_DEEP, root, walk.isList ? [] : keysOf(node).slice(0, 1));
  walk.values += sizeOf(node.value);
  if (walk.values > MAX_VALUES) return tooMany(root);
  for (const [key, value] of Object.entries(node.value)) {
    const harm = harmOfKey(key) ?? (typeof value === 'string' ? harmOfText(value) : undefined);
    if (harm) return refuse(harm, root, [...keysOf(node), key]);
    if (isContainer(value)) stack.push({ value, key, parent: node, depth: node.depth + 1 });
  }
  return undefined;
}

/** Of a list without looking at its items, of which there may be millions. */
const sizeOf = (value: object): number =>
  Math.max(1, Array.isArray(value) ? value.length : Object.keys(value).length);

const tooMany = (path: string): FieldError => ({ path, message: `must have at most ${MAX_VALUES} values` });

/** Why a text cannot be taken, whatever it is for; undefined when it can. */
function harmOfText(text: string): string | undefined {
  if (text.includes('\0')) return 'must not contain NUL characters';
  return text.isWellFormed() ? undefined : 'must not contain lone surrogates';
}

function harmOfKey(key: string): string | undefined {
  return key === '__proto__' ? 'is not a known field' : harmOfText(key);
}

function refuse(message: string | undefined, root: string, keys: string[]): FieldError | undefined {
  return message === undefined ? undefined : { path: fieldPath(root, keys).toWellFormed(), message };
}

function keysOf(node: Node): string[] {
  const keys: string[] = [];
  for (let at: Node | undefined = node; at?.parent; at = at.parent) keys.unshift(at.key);
  return keys;
}

const isContainer = (value: unknown): value is object => typeof value === 'object' && value !== null;
