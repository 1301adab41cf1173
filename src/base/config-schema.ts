import { z } from 'zod';
import { CREDIT_DECIMALS, decimalsOf, MAX_CREDITS } from '../contracts/credits.ts';
import { MAX_TEXT_CHARS } from '../contracts/fields.ts';
import { roleNameSchema } from '../contracts/role.ts';
import { modelFallbacks, modelName, providerName, providerNames } from './config-models.ts';
import { originList } from './config-origins.ts';

const integer = (min: number, max: number) => z.coerce.number().int().min(min).max(max);
/** Up to a week. */
const minutes = z.coerce.number().positive().max(10_080);
const url = (...protocols: string[]) =>
  z.url({
    protocol: new RegExp(`^(${protocols.join('|')})$`),
    error: `must be a ${protocols.map((each) => `${each}://`).join(' or ')} URL`,
  });
/** One line, an address with or without a name: nothing that could add a header to a mail. */
const mailSender = z
  .string()
  .regex(
    /^([^<>\p{Cc}]+ )?<[^\s<>@\p{Cc}]+@[^\s<>@\p{Cc}]+>$|^[^\s<>@\p{Cc}]+@[^\s<>@\p{Cc}]+$/u,
    'must be `Name <address>`',
  );

/**
 * Every variable that Parley reads, in the order of `.env.example`. A test keeps the two the same.
 * The descriptions are printed when a value is refused.
 */
export const configShape = {
  NODE_ENV: z.enum(['development', 'test', 'production']).default('development').describe('the kind of run'),
  PORT: integer(0, 65_535).default(3001).describe('the HTTP port; 0 takes a free one'),
  HOST: z.string().default('127.0.0.1').describe('the address to listen on; 0.0.0.0 for all'),
  DATA_DIR: z.string().default('.data').describe('where the embedded default keeps its data'),
  LOG_LEVEL: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])
    .default('info')
    .describe('the least severe level that is logged'),

  DATABASE_URL: url('postgres', 'postgresql').optional().describe('PostgreSQL 14+; unset: the embedded one'),
  DATABASE_POOL_SIZE: integer(2, 500).default(20).describe('PostgreSQL connections per process'),
  REDIS_URL: url('redis', 'rediss').optional().describe('Redis 7+; unset: one process without Redis'),

  JWT_SECRET: z
    .string()
    .min(32, 'must have 32 or more characters')
    .optional()
    .describe('signs access tokens; required in production, made under DATA_DIR otherwise'),
  ACCESS_TOKEN_MINUTES: z.coerce
    .number()
    .positive()
    .max(1440)
    .default(15)
    .describe('life of an access token; JWT_ACCESS_TOKEN_EXPIRY_IN_MINUTES also works'),
  REFRESH_TOKEN_DAYS: z.coerce
    .number()
    .positive()
    .max(365)
    .default(30)
    .describe('life of a refresh token; JWT_REFRESH_TOKEN_EXPIRY_IN_MINUTES also works, in minutes'),
  ADMIN_EMAIL: z
    .email('must be an e-mail address')
    .optional()
    .describe('the account that registers with it becomes an admin'),
  DEFAULT_ROLE: roleNameSchema
    .default('user')
    .describe('the role of a new account; `premium` reaches paid models too'),
  CORS_ORIGINS: originList.describe(
    'origins of browser clients, comma separated; * allows all; ALLOWED_ORIGINS also works',
  ),
  TRUST_PROXY_HOPS: integer(0, 10).default(0).describe('how many proxies of yours stand before the server'),
  METRICS_TOKEN: z
    .string()
    .regex(/^[\x21-\x7e]{16,}$/, 'must have 16 or more characters, without spaces')
    .optional()
    .describe('lets whoever sends it read /metrics; unset: only this machine may'),
  METRICS_PORT: integer(0, 65_535)
    .optional()
    .describe('where a worker process serves its metrics, on HOST; unset: nowhere'),
  QUEUE_BOARD_READONLY: z
    .enum(['true', 'false'])
    .default('true')
    .describe('false: the board of queues may retry and remove jobs, for who may manage roles'),
  PUBLIC_URL: url('http', 'https')
    .regex(/^[^?#]*$/, 'must have no ? and no #, as paths are put behind it')
    .optional()
    .describe('where browsers find the server, for links in mails; unset: http://HOST:PORT'),
  GOOGLE_CLIENT_ID: z.string().optional().describe('of Google, for signing in with it; unset: nobody can'),
  GOOGLE_CLIENT_SECRET: z.string().optional().describe('its secret'),
  GOOGLE_CALLBACK_URL: url('http', 'https')
    .optional()
    .describe('where Google sends browsers back; unset: PUBLIC_URL with /auth/google/callback'),
  GOOGLE_AUTHORIZATION_URL: url('http', 'https').optional().describe('another authorization URL for Google'),
  GOOGLE_TOKEN_URL: url('http', 'https').optional().describe('another token URL for Google'),
  GOOGLE_USERINFO_URL: url('http', 'https').optional().describe('another userinfo URL for Google'),
  OAUTH_REDIRECT_URL: url('http', 'https')
    .optional()
    .describe('the page that browsers are sent to after Google, with the cookie; unset: they get JSON'),

  SMTP_URL: url('smtp', 'smtps')
    .optional()
    .describe('the mail server, as smtps://user:password@host; unset: mails are files under DATA_DIR/mail'),
  MAIL_FROM: mailSender.optional().describe('who mails are from, as `Parley <parley@example.com>`'),

  MAX_BODY_BYTES: integer(1_024, 100_000_000).default(1_000_000).describe('largest request body'),
  MAX_MESSAGE_CHARS: integer(1, MAX_TEXT_CHARS)
    .default(100_000)
    .describe('longest message, in UTF-16 code units'),
  SOCKET_BUFFER_BYTES: integer(16_384, 100_000_000)
    .default(1_000_000)
    .describe('most bytes kept for one slow reader before it is sent a snapshot instead'),
  MAX_CONNECTIONS_PER_USER: integer(1, 1_000_000)
    .default(200)
    .describe('sockets and event streams of sessions that one user may have open in one process'),
  SSE_HEARTBEAT_MS: integer(100, 600_000).default(15_000).describe('time between SSE heartbeats'),

  DEFAULT_MODEL: modelName
    .optional()
    .describe('the model of a session that names none; unset: that of a provider with a key, or echo'),
  TITLE_MODEL: modelName
    .optional()
    .describe('who names a session after its first reply; unset: DEFAULT_MODEL; off: its first words do'),
  DEFAULT_LLM_PROVIDER: providerName
    .optional()
    .describe('whose model that is: openai, claude, gemini, openrouter or huggingface'),
  LLM_FALLBACK_PROVIDERS: providerNames.describe('who is asked when a provider fails, comma separated'),
  MODEL_FALLBACKS: modelFallbacks.describe(
    'who is asked first when a model fails, as provider/name=provider/name,provider/name;…',
  ),
  OPENAI_MODEL: z.string().default('gpt-5.4-mini').describe("OpenAI's model, where none is named"),
  ANTHROPIC_MODEL: z.string().default('claude-sonnet-4-6').describe("Anthropic's model, where none is named"),
  GEMINI_MODEL: z.string().default('gemini-3.5-flash').describe("Gemini's model, where none is named"),
  OPENROUTER_MODEL: z
    .string()
    .default('openai/gpt-5.4-mini')
    .describe("OpenRouter's model, where none is named"),
  HUGGINGFACE_MODEL: z
    .string()
    .default('openai/gpt-oss-120b')
    .describe("Hugging Face's model, where none is named"),
  MODEL_SYNC_HOURS: z.coerce
    .number()
    .min(0)
    .max(8_760)
    .default(24)
    .describe('how often the models that the providers list are taken over; 0: never by itself'),
  ECHO_TOKENS_PER_SECOND: z.coerce.number().positive().max(100_000).default(50).describe('speed of echo'),
  OPENAI_API_KEY: z.string().optional().describe('key of OpenAI or a compatible server'),
  OPENAI_BASE_URL: url('http', 'https').optional().describe('base URL of an OpenAI-compatible server'),
  ANTHROPIC_API_KEY: z.string().optional().describe('key of Anthropic; CLAUDE_API_KEY also works'),
  ANTHROPIC_BASE_URL: url('http', 'https').optional().describe('another base URL for Anthropic'),
  GEMINI_API_KEY: z.string().optional().describe('key of Google Gemini'),
  GEMINI_BASE_URL: url('http', 'https').optional().describe('another base URL for Gemini'),
  OPENROUTER_API_KEY: z.string().optional().describe('key of OpenRouter'),
  OPENROUTER_BASE_URL: url('http', 'https').optional().describe('another base URL for OpenRouter'),
  HUGGINGFACE_API_KEY: z.string().optional().describe('token of Hugging Face, for its router'),
  HUGGINGFACE_BASE_URL: url('http', 'https')
    .optional()
    .describe("another base URL for Hugging Face's router"),
  PROVIDER_FIRST_TOKEN_TIMEOUT_MS: integer(10, 600_000)
    .default(60_000)
    .describe('longest wait for a first token'),
  PROVIDER_IDLE_TIMEOUT_MS: integer(10, 600_000).default(30_000).describe('longest silence between tokens'),

  WELCOME_CREDITS: z.coerce
    .number()
    .min(0)
    .max(MAX_CREDITS)
    .refine(
      (credits) => decimalsOf(credits) <= CREDIT_DECIMALS,
      `must have at most ${CREDIT_DECIMALS} decimals`,
    )
    .default(1000)
    .describe('credits of a new account'),
  HOLD_OUTPUT_TOKENS: integer(1, 100_000)
    .default(100)
    .describe('tokens of a reply whose credits are set aside before it is written, beside its prompt'),
  HOLD_MINUTES: z.coerce
    .number()
    .positive()
    .max(10_080)
    .default(60)
    .describe('how long a reply may wait for a worker, or be without one, before it ends as failed'),
  CREDIT_OVERDRAFT: z
    .union([
      z.literal('unlimited'),
      z.string().regex(/^\d{1,12}(\.\d{1,6})?$/, 'must be `unlimited`, or credits with at most 6 decimals'),
    ])
    .default('unlimited')
    .describe('how far below zero a reply that is being written may take a balance; then it ends'),
  MAX_CONCURRENT_GENERATIONS: integer(1, 10_000)
    .default(5)
    .describe('replies that one user has written at once; several models asked at once may exceed it alone'),
  AI_RATE_LIMIT_USER_REQUESTS: integer(0, 1_000_000_000)
    .optional()
    .describe('replies per user and window; unset: no limit'),
  AI_RATE_LIMIT_USER_TOKENS: integer(0, 1_000_000_000_000)
    .optional()
    .describe('tokens per user and window; unset: no limit'),
  AI_RATE_LIMIT_ORG_COST: z.coerce
    .number()
    .min(0)
    .max(1e9)
    .optional()
    .describe('US dollars that all users together may cost per window; unset: no limit'),
  AI_RATE_LIMIT_WINDOW_HOURS: integer(1, 8_760).default(24).describe('length of these windows, in hours'),
  AI_CONTEXT_TOKENS: integer(0, 100_000)
    .default(2_000)
    .describe('most tokens that an enhancement is told beside its text; less where the model takes less'),
  AI_MASK_COUNTRY: z
    .string()
    .regex(/^[A-Z]{2}$/, 'must be the two letters of a country, as in US')
    .optional()
    .describe('whose phone numbers are masked without a country code, too; unset: those that look like some'),
  AI_SESSION_TTL_HOURS: z.coerce
    .number()
    .positive()
    .max(8_760)
    .default(24)
    .describe('how long an enhancement can be read; then it is deleted'),
  RATE_LIMITS: z
    .enum(['on', 'off'])
    .default('on')
    .describe('off: no rate limits, and no usage limits by role; refused in production'),
  RATE_LIMIT_GLOBAL_REQUESTS: integer(1, 1_000_000_000)
    .optional()
    .describe('requests per client address and window; unset: 100, and 100 times as many outside production'),
  RATE_LIMIT_GLOBAL_MINUTES: minutes
    .default(15)
    .describe('length of this window; it begins with the first request'),
  RATE_LIMIT_AUTH_REQUESTS: integer(1, 1_000_000_000)
    .optional()
    .describe('requests to sign in, up or on per client address and window; unset: 10, likewise'),
  RATE_LIMIT_AUTH_MINUTES: minutes.default(15).describe('length of this window'),
  LOGIN_FAILURES: integer(1, 1_000_000)
    .default(10)
    .describe('wrong passwords for one account per window; then it is locked until the end of the window'),
  LOGIN_FAILURES_MINUTES: minutes.default(15).describe('length of this window'),
  RATE_LIMIT_GENERATION_REQUESTS: integer(1, 1_000_000_000)
    .optional()
    .describe('requests for replies per user and window; unset: 50, likewise'),
  RATE_LIMIT_GENERATION_MINUTES: minutes.default(60).describe('length of this window'),
  USD_INR_RATE: z.coerce.number().positive().max(10_000).default(88).describe('rupees per US dollar'),
  USAGE_RETENTION_DAYS: integer(0, 36_500)
    .default(0)
    .describe('how long the statistics are kept, by day, model and user; 0: for ever'),

  WORKER_CONCURRENCY: integer(1, 10_000).default(200).describe('generations a worker runs at once'),
  SHUTDOWN_GRACE_MS: integer(0, 600_000).default(10_000).describe('time that running work has at a stop'),
};
