import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { expect } from 'chai';
import { ERRORS } from '../../src/contracts/errors.ts';
import { scopesOf } from '../../src/contracts/permissions.ts';
import type { RouteContract } from '../../src/contracts/route.ts';
import * as authContracts from '../../src/contracts/routes/auth.ts';
import * as messageContracts from '../../src/contracts/routes/messages.ts';
import * as sseContracts from '../../src/contracts/routes/sse.ts';
import { createOpenApiDocument, openApiPath } from '../../src/http/openapi.ts';
import { useTestDatabase } from '../support/database.ts';
import { startTestApp, type TestApp } from '../support/http-app.ts';

interface Operation {
  operationId: string;
  description?: string;
  security: object[];
  parameters?: { name: string; in: string; required?: boolean }[];
  requestBody?: { required: boolean; content: Record<string, { schema: object }> };
  responses: Record<string, { content?: Record<string, object> }>;
}

interface Document {
  openapi: string;
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, object>; securitySchemes: Record<string, object> };
}

const routesUrl = new URL('../../src/contracts/routes/', import.meta.url);
const modules: object[] = await Promise.all(
  readdirSync(routesUrl).map((name) => import(new URL(name, routesUrl).href)),
);
const everything = modules.flatMap((module): unknown[] => Object.values(module)).filter(isContract);
/** Of a route that answers in one of two ways, as the server is configured, the last. */
const contracts = [...new Map(everything.map((each) => [`${each.method} ${each.path}`, each])).values()];

describe('the OpenAPI document', () => {
  const database = useTestDatabase();
  let app: TestApp;
  let document: Document;

  before(async () => {
    app = await startTestApp({ database: database() });
    document = (await (await app.fetch('/api/openapi.json')).json()) as Document;
  });
  after(() => app.close());

  /** Paths that differ in the names of their parameters alone are one. */
  const templateOf = (path: string) => path.replace(/\{\w+\}/g, '{}');
  const operationOf = ({ method, path }: RouteContract, of = document) => {
    const same = Object.keys(of.paths).find((each) => templateOf(each) === templateOf(openApiPath(path)));
    return of.paths[same ?? '']?.[method];
  };
  const methodsWithBody = ['post', 'put', 'patch'];

  it('holds every route that is mounted, and no other', () => {
    expect(document.openapi).to.equal('3.1.0');
    expect(app.contracts).to.have.lengthOf.above(9);
    for (const contract of app.contracts) {
      const operation = operationOf(contract);
      expect(operation, contract.path).to.be.an('object');
      const statuses = [
        contract.answer.status,
        ...(contract.answer.ends ? [204] : []),
        400,
        500,
        503,
        ...(contract.rateLimit === 'none' ? [] : [429]),
        ...(contract.access === 'public' ? [] : [401, 403]),
        ...(contract.body || methodsWithBody.includes(contract.method) ? [413, 415] : []),
        ...(contract.errors ?? []).map((code) => ERRORS[code].status),
      ];
      expect(Object.keys(operation?.responses ?? {}), contract.path).to.have.members(
        [...new Set(statuses)].map(String),
      );
    }
    const count = Object.values(document.paths).flatMap((path) => Object.keys(path)).length;
    expect(count).to.equal(app.contracts.length);
  });

  it('is sound for every contract there is', () => {
    const all = JSON.parse(JSON.stringify(createOpenApiDocument(contracts, { version: '1' }))) as Document;
    const operations = contracts.map((contract) => operationOf(contract, all));
    expect(operations).to.have.lengthOf.above(30);
    expect(new Set(operations.map((operation) => operation?.operationId))).to.have.lengthOf(contracts.length);
    const paths = Object.keys(all.paths);
    // https://spec.openapis.org/oas/v3.1.0#paths-object
    expect(new Set(paths.map(templateOf))).to.have.lengthOf(paths.length);
    for (const [path, ofPath] of Object.entries(all.paths)) {
      const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      for (const { parameters = [] } of Object.values(ofPath)) {
        const inPath = parameters.filter((parameter) => parameter.in === 'path');
        expect(
          inPath.map(({ name }) => name),
          path,
        ).to.deep.equal(names);
        expect(inPath.every(({ required }) => required)).to.equal(true);
      }
    }
    for (const [index, contract] of contracts.entries()) {
      expect(contract.body !== undefined).to.equal(operations[index]?.requestBody !== undefined);
      expect(operations[index]?.security).to.have.lengthOf(
        { public: 0, user: 1, ticket: 2, 'sign-in': 2 }[contract.access] + scopesOf(contract.scope).length,
      );
    }
    const refs = [...JSON.stringify(all).matchAll(/"\$ref":"([^"]*)"/g)].map(([, ref]) => ref as string);
    expect(refs).to.have.lengthOf.above(20);
    for (const ref of refs) expect(resolve(all, ref), ref).to.be.an('object');
    for (const { security = [] } of operations.filter((operation) => operation !== undefined)) {
      for (const name of security.flatMap(Object.keys))
        expect(all.components.securitySchemes).to.have.property(name);
    }
  });

  it('tells which headers a route reads', () => {
    const all = JSON.parse(JSON.stringify(createOpenApiDocument(contracts, { version: '1' }))) as Document;
    const headersOf = (contract: RouteContract) =>
      operationOf(contract, all)
        ?.parameters?.filter((parameter) => parameter.in === 'header')
        .map(({ name, required = false }) => [name, required]) ?? [];
    for (const contract of contracts) {
      const named = (contract.headers ?? []).map((name) => [name, false]);
      expect(headersOf(contract), contract.path).to.deep.equal(named);
    }
    expect(headersOf(messageContracts.sendMessage)).to.deep.equal([['Idempotency-Key', false]]);
    expect(headersOf(sseContracts.streamSession)).to.deep.equal([['Last-Event-ID', false]]);
  });

  it('tells which routes stream, and which streams have an end', () => {
    const all = JSON.parse(JSON.stringify(createOpenApiDocument(contracts, { version: '1' }))) as Document;
    const operations = contracts.map((contract) => ({ contract, operation: operationOf(contract, all) }));
    const those = (is: (responses: Operation['responses']) => boolean) =>
      operations
        .filter(({ operation }) => operation && is(operation.responses))
        .map(({ contract: { method, path } }) => `${method} ${path}`);
    expect(those((responses) => 'text/event-stream' in (responses[200]?.content ?? {}))).to.have.members([
      'get /ai/stream/:sessionId',
      'get /playground/stream',
      'get /sse/sessions/:id/stream',
      'get /v1/stream',
      'post /chat',
      'post /v1/chat/completions',
      'post /v1/messages',
      'post /v1/responses',
      'post /v1/stream',
    ]);
    expect(those((responses) => '200' in responses && '204' in responses)).to.have.members([
      'get /ai/stream/:sessionId',
      'get /playground/stream',
      'get /v1/stream',
      'post /chat',
    ]);
  });

  it('says that what is no JSON is refused also where nothing is asked of the body', async () => {
    const { accessToken } = await app.signUp();
    expect(authContracts.createStreamTicket).to.not.have.property('body');
    const { responses } = operationOf(authContracts.createStreamTicket) ?? {};
    for (const [status, type] of [
      [400, 'application/json'],
      [415, 'text/plain'],
    ] as const) {
      const headers = { authorization: `Bearer ${accessToken}`, 'content-type': type };
      const answer = await app.fetch('/auth/stream-ticket', { method: 'POST', headers, body: '{' });
      expect(answer.status).to.equal(status);
      expect(responses).to.have.property(String(status));
    }
  });

  it('tells what a route counts against, and what a refused client is told', () => {
    const all = JSON.parse(JSON.stringify(createOpenApiDocument(contracts, { version: '1' }))) as Document;
    for (const contract of contracts) {
      const operation = operationOf(contract, all);
      const { rateLimit } = contract;
      expect(/`(auth|generation)`/.exec(operation?.description ?? '')?.[1], contract.path).to.equal(
        rateLimit === 'none' ? undefined : rateLimit,
      );
      const headers = (operation?.responses['429'] as { headers?: object } | undefined)?.headers;
      if (rateLimit === 'none') expect(headers, contract.path).to.equal(undefined);
      else expect(headers, contract.path).to.have.keys('RateLimit', 'RateLimit-Policy', 'Retry-After');
    }
    expect(contracts.filter(({ rateLimit }) => rateLimit === 'none').map(({ path }) => path)).to.have.members(
      ['/', '/health', '/health/ready', '/metrics'],
    );
  });

  it('tells what an API key needs, and where none is taken', () => {
    const all = JSON.parse(JSON.stringify(createOpenApiDocument(contracts, { version: '1' }))) as Document;
    expect(all.components.securitySchemes.bearer).to.have.property('bearerFormat', 'JWT or pk_...');
    expect(all.components.securitySchemes.apiKey).to.include({
      type: 'apiKey',
      in: 'header',
      name: 'x-api-key',
    });
    for (const contract of contracts) {
      const { description = '', security = [] } = operationOf(contract, all) ?? {};
      const byKey = security.filter((way) => 'apiKey' in way);
      const scopes = scopesOf(contract.scope);
      expect(byKey, contract.path).to.deep.equal(scopes.map((scope) => ({ apiKey: [scope] })));
      const told = /API keys need the scope ((?:`\w+`(?: or )?)+)/.exec(description)?.[1] ?? '';
      expect(told.match(/\w+(?=`)/g) ?? [], contract.path).to.deep.equal(scopes);
      const refused = contract.access !== 'public' && contract.scope === undefined;
      expect(description.includes('Not for API keys.'), contract.path).to.equal(refused);
    }
    const kinds = contracts.map(({ access, scope }) => (access === 'public' ? access : scope));
    expect(kinds).to.include.members(['public', undefined, 'chat', 'models', 'usage', 'admin']);
  });

  it('says which bodies may be left out', () => {
    expect(operationOf(authContracts.login)?.requestBody?.required).to.equal(true);
    expect(operationOf(authContracts.refresh)?.requestBody?.required).to.equal(false);
  });

  describe('in Swagger UI', () => {
    const pages = ['/api-docs', '/api', '/api/', '/api/api-docs'];
    const addresses = (html: string) =>
      [...html.matchAll(/(?:src|href)="([^"]*)"/g)].map(([, at]) => at as string);

    it('is shown at /api-docs and /api, by files of this server alone', async () => {
      for (const page of pages) {
        const answer = await app.fetch(page);
        expect(answer.headers.get('content-type')).to.equal('text/html; charset=utf-8');
        const html = await answer.text();
        expect(html).to.include('"url":"/openapi.json"').and.include('"validatorUrl":null');
        // An XML namespace is a name, not an address.
        const hosts = [...html.matchAll(/https?:\/\/[^"'\s]+/g)].filter(
          ([at]) => !at.startsWith('http://www.w3.org/'),
        );
        expect(hosts).to.be.empty;
        const files = addresses(html).filter((at) => at !== '');
        expect(files).to.have.lengthOf.above(3);
        for (const file of files) {
          const asset = await app.fetch(file);
          expect(asset.status, file).to.equal(200);
          expect(asset.headers.get('cache-control')).to.equal('public, max-age=31536000, immutable');
          expect(asset.headers.get('content-type')).to.match(
            /^(text\/css|text\/javascript|application\/javascript|image\/png)/,
          );
          expect((await asset.arrayBuffer()).byteLength).to.be.above(500);
        }
      }
    });

    it('may run its one inline script, and nothing that is not ours', async () => {
      const answer = await app.fetch('/api-docs');
      const policy = answer.headers.get('content-security-policy') ?? '';
      const [, script = ''] = /<script>([\s\S]*?)<\/script>/.exec(await answer.text()) ?? [];
      const hash = createHash('sha256').update(script).digest('base64');
      expect(policy).to.include(`script-src 'self' 'sha256-${hash}';`);
      expect(policy).to.include("default-src 'none'").and.include("connect-src 'self'");
      expect(policy).to.not.match(/https?:|upgrade-insecure/);
    });

    it('gives out no other file', async () => {
      const assets = addresses(await (await app.fetch('/api-docs')).text())[0]?.replace(/[^/]*$/, '') ?? '';
      for (const name of [
        'package.json',
        'index.html',
        'nothing.js',
        '__proto__',
        'constructor',
        '..%2fpackage.json',
        '..%2f..%2f..%2fpackage.json',
        '%2e%2e/package.json',
        '..%5cpackage.json',
        '%2fetc%2fpasswd',
        'swagger-ui-bundle.js%00',
      ]) {
        const answer = await app.fetch(assets + name);
        expect(answer.status, name).to.equal(404);
      }
    });
  });
});

function isContract(value: unknown): value is RouteContract {
  return typeof value === 'object' && value !== null && 'method' in value && 'answer' in value;
}

function resolve(document: object, ref: string): unknown {
  const keys = ref.replace(/^#\//, '').split('/');
  return keys.reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], document);
}
