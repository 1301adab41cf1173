import { createHash } from 'node:crypto';
import { expect } from 'chai';
import { ERRORS } from '../../src/contracts/errors.ts';
import { scopesOf } from '../../src/contracts/permissions.ts';
import type { RouteContract } from '../../src/contracts/route.ts';
import * as adminModelContracts from '../../src/contracts/routes/admin-models.ts';
import * as apiKeyContracts from '../../src/contracts/routes/api-keys.ts';
import * as authContracts from '../../src/contracts/routes/auth.ts';
import * as balanceContracts from '../../src/contracts/routes/balance.ts';
import * as chatContracts from '../../src/contracts/routes/chat.ts';
import * as groupContracts from '../../src/contracts/routes/groups.ts';
import * as messageContracts from '../../src/contracts/routes/messages.ts';
import * as modelContracts from '../../src/contracts/routes/models.ts';
import * as playgroundContracts from '../../src/contracts/routes/playground.ts';
import * as sessionContracts from '../../src/contracts/routes/sessions.ts';
import * as sseContracts from '../../src/contracts/routes/sse.ts';
import * as systemContracts from '../../src/contracts/routes/system.ts';
import * as userContracts from '../../src/contracts/routes/user.ts';
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

const contracts = [
  adminModelContracts,
  apiKeyContracts,
  authContracts,
  balanceContracts,
  chatContracts,
  groupContracts,
  messageContracts,
  modelContracts,
  playgroundContracts,
  sessionContracts,
  sseContracts,
  systemContracts,
  userContracts,
]
  .flatMap((module): unknown[] => Object.values(module))
  .filter(isContract);

describe('the OpenAPI document', () => {
  const database = useTestDatabase();
  let app: TestApp;
  let document: Document;

  before(async () => {
    app = await startTestApp({ database: database() });
    document = (await (await app.fetch('/api/openapi.json')).json()) as Document;
  });
  after(() => app.close());

  const operationOf = ({ method, path }: RouteContract, of = document) =>
    of.paths[openApiPath(path)]?.[method];

  it('holds every route that is mounted, and no other', () => {
    expect(document.openapi).to.equal('3.1.0');
    expect(app.contracts).to.have.lengthOf.above(9);
    for (const contract of app.contracts) {
      const operation = operationOf(contract);
      expect(operation, contract.path).to.be.an('object');
      const statuses = [
        contract.answer.status,
        400,
        500,
        503,
        ...(contract.rateLimit === 'none' ? [] : [429]),
        ...(contract.access === 'public' ? [] : [401, 403]),
        ...(contract.body ? [413, 415] : []),
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
    for (const [index, contract] of contracts.entries()) {
      const names = [...contract.path.matchAll(/[:*](\w+)/g)].map(([, name]) => name);
      const inPath = operations[index]?.parameters?.filter((parameter) => parameter.in === 'path') ?? [];
      expect(inPath.map(({ name }) => name)).to.deep.equal(names);
      expect(inPath.every(({ required }) => required)).to.equal(true);
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
