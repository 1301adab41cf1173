import { createReadStream } from 'node:fs';
import path from 'node:path';
import { notFound } from '../../base/errors.ts';
import type { AppContext } from '../context.ts';
import { createOpenApiDocument } from '../openapi.ts';
import type { RouteModule } from '../route-table.ts';
import { renderSwaggerPage, SWAGGER_ASSETS, type SwaggerPage, swaggerAsset } from '../swagger-ui.ts';

const FOREVER = 'public, max-age=31536000, immutable';

/**
 * The OpenAPI document and Swagger UI. Not in the document themselves: they are about the API, not of it.
 */
export function docsRoutes({ version }: { version: string }): RouteModule {
  return ({ router, contracts }) => {
    let document: string | undefined;
    router.get('/openapi.json', (ctx) => {
      // Made at the first request, when all routes are mounted.
      document ??= JSON.stringify(createOpenApiDocument(contracts, { version }));
      ctx.type = 'application/json';
      ctx.body = document;
    });

    let page: SwaggerPage | undefined;
    router.get(['/api-docs', '/api'], async (ctx: AppContext) => {
      page ??= await renderSwaggerPage(ctx);
      ctx.set('Content-Security-Policy', page.policy);
      ctx.type = 'text/html';
      ctx.body = page.html;
    });

    router.get(`${SWAGGER_ASSETS}/:name`, (ctx: AppContext) => {
      const file = swaggerAsset(ctx.params.name ?? '');
      if (!file) throw notFound('file');
      ctx.set('Cache-Control', FOREVER);
      ctx.type = path.extname(file);
      ctx.body = createReadStream(file);
    });
  };
}
