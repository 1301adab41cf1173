import { readdir } from 'node:fs/promises';
import { expect } from 'chai';
import type { z } from 'zod';
import { checkInput } from '../../src/base/validation.ts';
import type { RouteContract } from '../../src/contracts/route.ts';

const ROUTES = new URL('../../src/contracts/routes/', import.meta.url);

/** The contracts of all routes that answer in our words. */
async function ownRoutes(): Promise<RouteContract[]> {
  const modules = await Promise.all(
    (await readdir(ROUTES)).map(
      (file) => import(new URL(file, ROUTES).href) as Promise<Record<string, unknown>>,
    ),
  );
  return modules
    .flatMap((module) => Object.values(module))
    .filter(
      (exported): exported is RouteContract =>
        typeof exported === 'object' && exported !== null && 'path' in exported && 'method' in exported,
    )
    .filter(({ errorShape }) => errorShape === undefined);
}

describe('a required field that is not given', () => {
  it('is told as that, whatever it should have been', async () => {
    const routes = await ownRoutes();
    expect(routes).to.have.length.above(80);
    for (const { method, path, body, query } of routes) {
      for (const [root, schema] of Object.entries({ body, query })) {
        const checked = schema && checkInput(schema as z.ZodType, {}, root);
        if (!checked || checked.ok) continue;
        const told = checked.errors.map((error) => `${error.path} ${error.message}`);
        const wanted = checked.errors.map((error) => `${error.path} is required`);
        expect(told, `${method} ${path}`).to.deep.equal(wanted);
      }
    }
  });
});
