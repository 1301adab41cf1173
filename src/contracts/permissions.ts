/** What a role may allow its users to do. */
export const PERMISSIONS = [
  'chat.use',
  'models.paid',
  'ai.enhance.create',
  'ai.stream.access',
  'ai.session.view',
  'ai.session.manage',
  'ai.usage.view',
  'user.view',
  'user.manage',
  'models.manage',
  'balance.manage',
  'system.view',
  'roles.manage',
] as const;

/** Something that not everybody may do. */
export type Permission = (typeof PERMISSIONS)[number];

/**
 * What an API key may be made for. A key never allows more than its owner may do, and what no scope names (signing in,
 * keys, the account itself) no key can do.
 *
 * - `chat`: groups, sessions, messages, exports, event streams, sockets, the playground
 * - `models`: reading the catalogue
 * - `text`: one-shot texts and the OpenAI-compatible API
 * - `ai`: enhancements
 * - `usage`: reading the balance, the ledger and statistics
 * - `admin`: everything under `/admin`, and what else only some roles may do
 */
export const SCOPES = ['chat', 'models', 'text', 'ai', 'usage', 'admin'] as const;

/** What an API key may be made for, see {@link SCOPES}. */
export type Scope = (typeof SCOPES)[number];

/** What a key must be made for to be taken somewhere: for any of these. */
export const scopesOf = (scope: Scope | readonly Scope[] | undefined): readonly Scope[] =>
  scope === undefined ? [] : [scope].flat();
