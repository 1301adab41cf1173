import { expect } from 'chai';
import { ConfigError, loadConfig } from '../../src/base/config.ts';
import { configShape } from '../../src/base/config-schema.ts';

const SECRET = 'x'.repeat(32);

/** The lines of the refusal, without the first; empty when it is not refused. */
function refusals(env: NodeJS.ProcessEnv): string[] {
  try {
    loadConfig(env);
    return [];
  } catch (error) {
    expect(error).to.be.instanceOf(ConfigError);
    return (error as ConfigError).message.split('\n').slice(1);
  }
}

/** A value for each variable that it must refuse. */
const WRONG: Record<string, string> = {
  NODE_ENV: 'staging',
  PORT: '70000',
  LOG_LEVEL: 'loud',
  DATABASE_URL: 'mysql://127.0.0.1/parley',
  DATABASE_POOL_SIZE: '1',
  REDIS_URL: 'http://127.0.0.1',
  JWT_SECRET: 'short',
  ACCESS_TOKEN_MINUTES: '0',
  REFRESH_TOKEN_DAYS: '-1',
  TRUST_PROXY_HOPS: '1.5',
  METRICS_TOKEN: 'short',
  METRICS_PORT: '70000',
  QUEUE_BOARD_READONLY: 'maybe',
  MAX_BODY_BYTES: 'a lot',
  MAX_MESSAGE_CHARS: '0',
  SOCKET_BUFFER_BYTES: '1',
  MAX_CONNECTIONS_PER_USER: '0',
  SSE_HEARTBEAT_MS: '10',
  ADMIN_EMAIL: 'nobody',
  DEFAULT_ROLE: 'Every One',
  CORS_ORIGINS: 'good.example',
  PUBLIC_URL: 'chat.example.com',
  GOOGLE_CALLBACK_URL: '/auth/google/callback',
  GOOGLE_AUTHORIZATION_URL: 'accounts.google.com',
  GOOGLE_TOKEN_URL: 'ftp://127.0.0.1/token',
  GOOGLE_USERINFO_URL: 'userinfo',
  OAUTH_REDIRECT_URL: 'javascript:alert(1)',
  SMTP_URL: 'https://mail.example.com',
  MAIL_FROM: 'Parley <parley@example.com>\r\nBcc: <all@example.com>',
  LOGIN_FAILURES: '0',
  LOGIN_FAILURES_MINUTES: '-15',
  MODEL_SYNC_HOURS: 'daily',
  DEFAULT_MODEL: 'openai/',
  TITLE_MODEL: 'a cheap one',
  DEFAULT_LLM_PROVIDER: 'echo',
  LLM_FALLBACK_PROVIDERS: 'claude, mistral',
  MODEL_FALLBACKS: 'openai/gpt-4.1',
  ECHO_TOKENS_PER_SECOND: '0',
  OPENAI_BASE_URL: 'ftp://127.0.0.1',
  ANTHROPIC_BASE_URL: 'not a url',
  GEMINI_BASE_URL: 'generativelanguage.googleapis.com',
  OPENROUTER_BASE_URL: '/api/v1',
  HUGGINGFACE_BASE_URL: 'file:///etc',
  PROVIDER_FIRST_TOKEN_TIMEOUT_MS: '1',
  PROVIDER_IDLE_TIMEOUT_MS: 'soon',
  WELCOME_CREDITS: '-5',
  USAGE_RETENTION_DAYS: '-1',
  HOLD_OUTPUT_TOKENS: '0',
  HOLD_MINUTES: '0',
  CREDIT_OVERDRAFT: '-1',
  MAX_CONCURRENT_GENERATIONS: '0',
  AI_RATE_LIMIT_USER_REQUESTS: '-1',
  AI_RATE_LIMIT_USER_TOKENS: 'many',
  AI_RATE_LIMIT_ORG_COST: '-1',
  AI_RATE_LIMIT_WINDOW_HOURS: '0',
  AI_CONTEXT_TOKENS: '-1',
  AI_MASK_COUNTRY: 'usa',
  AI_SESSION_TTL_HOURS: '0',
  RATE_LIMITS: 'maybe',
  RATE_LIMIT_GLOBAL_REQUESTS: '0',
  RATE_LIMIT_GLOBAL_MINUTES: '-15',
  RATE_LIMIT_AUTH_REQUESTS: '1.5',
  RATE_LIMIT_AUTH_MINUTES: '0',
  RATE_LIMIT_GENERATION_REQUESTS: 'unlimited',
  RATE_LIMIT_GENERATION_MINUTES: '20000',
  USD_INR_RATE: 'NaN',
  WORKER_CONCURRENCY: '0',
  SHUTDOWN_GRACE_MS: '-1',
};
/** Free text: nothing of it can be wrong. */
const ANYTHING = [
  'HOST',
  'DATA_DIR',
  'GOOGLE_CLIENT_ID',
  'GOOGLE_CLIENT_SECRET',
  'OPENAI_API_KEY',
  'ANTHROPIC_API_KEY',
  'GEMINI_API_KEY',
  'OPENROUTER_API_KEY',
  'HUGGINGFACE_API_KEY',
  'OPENAI_MODEL',
  'ANTHROPIC_MODEL',
  'GEMINI_MODEL',
  'OPENROUTER_MODEL',
  'HUGGINGFACE_MODEL',
];

describe('loadConfig', () => {
  it('needs nothing', () => {
    const config = loadConfig({});
    expect(config).to.include({ PORT: 3001, HOST: '127.0.0.1', production: false });
    expect(config.DEFAULT_MODEL).to.equal(undefined);
    expect(config.CORS_ORIGINS).to.deep.equal([]);
    expect(config.DATABASE_URL).to.equal(undefined);
  });

  it('takes numbers, lists and URLs from their text', () => {
    const config = loadConfig({
      PORT: '0',
      CORS_ORIGINS: ' https://a.example , ,https://b.example',
      DATABASE_URL: 'postgresql://u:p@db/parley?sslmode=require',
      REDIS_URL: 'rediss://cache:6380/1',
      WELCOME_CREDITS: '0.5',
    });
    expect(config).to.deep.include({
      PORT: 0,
      CORS_ORIGINS: ['https://a.example', 'https://b.example'],
      DATABASE_URL: 'postgresql://u:p@db/parley?sslmode=require',
      REDIS_URL: 'rediss://cache:6380/1',
      WELCOME_CREDITS: 0.5,
    });
  });

  it('takes who answers when somebody cannot', () => {
    const config = loadConfig({
      DEFAULT_LLM_PROVIDER: ' Claude ',
      LLM_FALLBACK_PROVIDERS: 'OpenAI, claude,,gemini , anthropic',
      MODEL_FALLBACKS:
        'openai/gpt-4.1 = anthropic/claude-sonnet-4-5, openrouter/google/gemini-2.5-pro ; gemini/gemini-2.5-pro=echo;',
    });
    expect(config.DEFAULT_LLM_PROVIDER).to.equal('anthropic');
    expect(config.LLM_FALLBACK_PROVIDERS).to.deep.equal(['openai', 'anthropic', 'gemini']);
    expect(config.MODEL_FALLBACKS).to.deep.equal([
      {
        model: 'openai/gpt-4.1',
        fallbacks: ['anthropic/claude-sonnet-4-5', 'openrouter/google/gemini-2.5-pro'],
      },
      { model: 'gemini/gemini-2.5-pro', fallbacks: ['echo'] },
    ]);
  });

  for (const [what, rules] of Object.entries({
    'without fallbacks': 'openai/gpt-4.1=',
    'without a model': '=openai/gpt-4.1',
    'with two equals signs': 'openai/a=openai/b=openai/c',
    'of a model without its provider': 'gpt-4.1=openai/gpt-4.1',
    'with a fallback without its provider': 'openai/gpt-4.1=gpt-4.1-mini',
    'of a provider that there is not': 'openai/gpt-4.1=mistral/large',
    'with commas for semicolons': 'openai/a=openai/b,openai/c=openai/d',
  })) {
    it(`refuses a rule of fallbacks ${what}, quoting it`, () => {
      const [line] = refusals({ MODEL_FALLBACKS: `gemini/a=gemini/b;${rules}` });
      expect(line)
        .to.match(/^ {2}MODEL_FALLBACKS: /)
        .and.to.include(`"${rules}"`);
    });
  }

  it('names the provider that there is not', () => {
    expect(refusals({ LLM_FALLBACK_PROVIDERS: 'openai,mistral' })[0]).to.match(
      /^ {2}LLM_FALLBACK_PROVIDERS: "mistral" is none of openai, anthropic, /,
    );
  });

  it('takes origins as browsers send them, and nothing else', () => {
    const origins = (CORS_ORIGINS: string) => loadConfig({ CORS_ORIGINS }).CORS_ORIGINS;
    expect(origins('*')).to.deep.equal(['*']);
    expect(
      origins(
        'https://A.example/, HTTP://localhost:3000,https://a.example:443,http://[::1]:80,https://bücher.example',
      ),
    ).to.deep.equal([
      'https://a.example',
      'http://localhost:3000',
      'https://a.example',
      'http://[::1]',
      'https://xn--bcher-kva.example',
    ]);
    const apps = ['capacitor://localhost', 'tauri://localhost', 'chrome-extension://abcdefghijklmnop'];
    expect(origins(apps.join(','))).to.deep.equal(apps);
    for (const wrong of [
      'good.example',
      'abc',
      'http://ok.example/path',
      'https://ok.example?x',
      'https://ok.example#x',
      'https://me:pw@ok.example',
      'https://ok.example:99999',
      'https://*.example',
      'http:ok.example',
      'https://',
      'null',
      '//ok.example',
      'capacitor://localhost/path',
    ]) {
      const [line, ...others] = refusals({ CORS_ORIGINS: `https://a.example,${wrong}` });
      expect(line, wrong).to.include(`  CORS_ORIGINS: "${wrong}" is neither * nor an origin`);
      expect(others).to.deep.equal([]);
    }
  });

  it('refuses a model whose provider there is not, unless models may be named by their authors', () => {
    for (const name of ['DEFAULT_MODEL', 'TITLE_MODEL']) {
      expect(refusals({ [name]: 'nope/x' })).to.deep.equal([
        `  ${name}: "nope" is no provider (must be provider/name, or a bare name)`,
      ]);
      for (const reseller of ['OPENROUTER_API_KEY', 'HUGGINGFACE_API_KEY']) {
        expect(refusals({ [name]: 'meta-llama/llama-4', [reseller]: 'key' })).to.deep.equal([]);
      }
      const local = { [name]: 'meta-llama/llama-4', OPENAI_BASE_URL: 'http://127.0.0.1:1' };
      expect(refusals(local)).to.deep.equal([]);
      for (const id of ['echo', 'echo/echo', 'gpt-4.1', 'openai/gpt-4.1', 'openrouter/openai/gpt-4.1']) {
        expect(refusals({ [name]: id }), id).to.deep.equal([]);
      }
    }
    expect(refusals({ TITLE_MODEL: 'off' })).to.deep.equal([]);
  });

  it('counts an empty variable, or one of blanks, as one that is not set', () => {
    for (const value of ['', ' ', '\t\n']) {
      const empty = Object.fromEntries(Object.keys(configShape).map((name) => [name, value]));
      expect(loadConfig({ ...empty, CLAUDE_API_KEY: value })).to.deep.equal(loadConfig({}));
    }
  });

  it('takes a value without the line break of the file that it came from', () => {
    const { JWT_SECRET, ANTHROPIC_API_KEY } = loadConfig({
      JWT_SECRET: `${SECRET}\n`,
      CLAUDE_API_KEY: 'sk-1\r\n',
    });
    expect([JWT_SECRET, ANTHROPIC_API_KEY]).to.deep.equal([SECRET, 'sk-1']);
  });

  it('knows the other names of the Anthropic variables; the proper ones come first', () => {
    const aliases = { CLAUDE_API_KEY: 'key', CLAUDE_BASE_URL: 'http://127.0.0.1:1' };
    expect(loadConfig(aliases)).to.include({
      ANTHROPIC_API_KEY: 'key',
      ANTHROPIC_BASE_URL: 'http://127.0.0.1:1',
    });
    expect(loadConfig({ ...aliases, ANTHROPIC_API_KEY: 'own' }).ANTHROPIC_API_KEY).to.equal('own');
    expect(loadConfig({ ...aliases, ANTHROPIC_API_KEY: '' }).ANTHROPIC_API_KEY).to.equal('key');
  });

  it('knows the names that other servers have for theirs, and refuses by the name that was used', () => {
    const aliases = {
      ALLOWED_ORIGINS: 'http://localhost:3000,http://localhost:3001',
      JWT_ACCESS_TOKEN_EXPIRY_IN_MINUTES: '20',
      JWT_REFRESH_TOKEN_EXPIRY_IN_MINUTES: '2160',
    };
    expect(loadConfig(aliases)).to.deep.include({
      CORS_ORIGINS: ['http://localhost:3000', 'http://localhost:3001'],
      ACCESS_TOKEN_MINUTES: 20,
      REFRESH_TOKEN_DAYS: 1.5,
    });
    expect(loadConfig({ ...aliases, REFRESH_TOKEN_DAYS: '7' }).REFRESH_TOKEN_DAYS).to.equal(7);
    for (const name of Object.keys(aliases)) {
      expect(refusals({ [name]: 'x y' })[0], name).to.match(new RegExp(`^  ${name}: `));
    }
  });

  for (const name of Object.keys(configShape)) {
    if (ANYTHING.includes(name)) continue;
    it(`refuses a wrong ${name} by name, saying what it should be`, () => {
      const value = WRONG[name];
      expect(value, `this test needs a wrong value for ${name}`).to.be.a('string');
      const [line, ...others] = refusals({ [name]: value });
      expect(line).to.match(new RegExp(`^  ${name}: .+ \\(.+\\)$`));
      expect(others).to.deep.equal([]);
      if (name.endsWith('SECRET')) expect(line).not.to.include(value);
    });
  }

  it('refuses welcome credits that a ledger cannot hold exactly', () => {
    for (const credits of ['0.0000001', '1e-300', '1000000000.000001', '1e999', 'NaN', '-0.000001']) {
      expect(refusals({ WELCOME_CREDITS: credits })[0], credits).to.match(/^ {2}WELCOME_CREDITS: /);
    }
    expect(loadConfig({ WELCOME_CREDITS: '999999999.999999' }).WELCOME_CREDITS).to.equal(999_999_999.999999);
  });

  it('names every wrong variable at once', () => {
    const lines = refusals(WRONG);
    const names = lines.map((line) => /^ {2}(\w+): /.exec(line)?.[1]);
    expect(names).to.have.members(Object.keys(WRONG));
  });

  it('says in words what each should be', () => {
    const said: [name: string, value: string, words: string][] = [
      ['PORT', 'abc', 'must be a number'],
      ['PORT', '1.5', 'must be a whole number'],
      ['PORT', '70000', 'must be at most 65535'],
      ['ECHO_TOKENS_PER_SECOND', '0', 'must be more than 0'],
      ['NODE_ENV', 'prod', 'must be one of "development", "test", "production"'],
      ['OPENAI_BASE_URL', 'localhost:11434', 'must be a http:// or https:// URL'],
      ['DATABASE_URL', 'mysql://x', 'must be a postgres:// or postgresql:// URL'],
      ['PUBLIC_URL', 'https://chat.example/?a=b', 'must have no ? and no #, as paths are put behind it'],
    ];
    for (const [name, value, words] of said) {
      const [line = '', ...others] = refusals({ [name]: value });
      expect(line.startsWith(`  ${name}: ${words} (`), line).to.equal(true);
      expect(others).to.deep.equal([]);
    }
  });

  it('wants a secret in production', () => {
    expect(refusals({ NODE_ENV: 'production' })[0]).to.match(/^ {2}JWT_SECRET: must be set in production/);
    expect(loadConfig({ NODE_ENV: 'production', JWT_SECRET: SECRET }).production).to.equal(true);
  });

  it('wants both of what Google gives, and a sender where there is a mail server', () => {
    expect(refusals({ GOOGLE_CLIENT_ID: 'id' })).to.deep.equal([
      '  GOOGLE_CLIENT_SECRET: must be set when GOOGLE_CLIENT_ID is',
    ]);
    expect(refusals({ GOOGLE_CLIENT_SECRET: 'secret' })).to.deep.equal([
      '  GOOGLE_CLIENT_ID: must be set when GOOGLE_CLIENT_SECRET is',
    ]);
    expect(refusals({ GOOGLE_CLIENT_ID: 'id', GOOGLE_CLIENT_SECRET: 'secret' })).to.deep.equal([]);
    const server = { SMTP_URL: 'smtps://user:password@mail.example.com' };
    expect(refusals(server)[0]).to.match(/^ {2}MAIL_FROM: must be set/);
    for (const sender of ['Parley <parley@example.com>', '<parley@example.com>', 'parley@example.com']) {
      expect(refusals({ ...server, MAIL_FROM: sender }), sender).to.deep.equal([]);
    }
  });

  it('takes no sender that is not one address', () => {
    for (const sender of [
      'Parley',
      'a@b c@d',
      'a@b, c@d',
      'A <a@b> <c@d>',
      'A <a@b>\nX: y',
      'A\rX: <a@b>',
      '<>',
    ]) {
      expect(refusals({ MAIL_FROM: sender })[0], JSON.stringify(sender)).to.match(/^ {2}MAIL_FROM: /);
    }
  });

  it('wants a database for all processes where they share a Redis', () => {
    expect(refusals({ REDIS_URL: 'redis://127.0.0.1' })[0]).to.match(/^ {2}DATABASE_URL: must be set/);
  });
});
