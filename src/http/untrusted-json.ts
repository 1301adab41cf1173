import { fieldPath } from '../base/validation.ts';
import type { FieldError } from '../contracts/errors.ts';

/** Deeper than any contract; recursive code that meets the value later cannot overflow its stack. */
const MAX_DEPTH = 64;

interface Node {
  value: object;
  key: string;
  parent: Node | undefined;
  depth: number;
}

/**
 * The first thing in a JSON value that no contract may let through, whatever it says: NUL and lone surrogates
 * (PostgreSQL and UTF-8 cannot hold them), `__proto__`, and nesting that only an attacker needs.
 * Goes through the value without recursion.
 *
 * @param root - begins the path, as in `body`
 */
export function findHarm(value: unknown, root: string): FieldError | undefined {
  if (typeof value === 'string') return refuse(harmOfText(value), root, []);
  if (!isContainer(value)) return undefined;
  const stack: Node[] = [{ value, key: '', parent: undefined, depth: 1 }];
  for (let node = stack.pop(); node; node = stack.pop()) {
    const found = findHarmHere(node, root, stack);
    if (found) return found;
  }
  return undefined;
}

function findHarmHere(node: Node, root: string, stack: Node[]): FieldError | undefined {
  if (node.depth > MAX_DEPTH) return { path: root, message: `must not nest deeper than ${MAX_DEPTH} levels` };
  for (const [key, value] of Object.entries(node.value)) {
    const harm = harmOfKey(key) ?? (typeof value === 'string' ? harmOfText(value) : undefined);
    if (harm) return refuse(harm, root, [...keysOf(node), key]);
    if (isContainer(value)) stack.push({ value, key, parent: node, depth: node.depth + 1 });
  }
  return undefined;
}

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
