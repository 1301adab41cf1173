import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import path from 'node:path';
import type { AppContext } from './context.ts';
import { withoutForeignFonts } from './foreign-fonts.ts';

const require = createRequire(import.meta.url);
const packageFile = require.resolve('swagger-ui-dist/package.json');
const { version } = require(packageFile) as { version: string };

/** Where the files of Swagger UI are served; the version makes them cacheable for good. */
export const SWAGGER_ASSETS = `/api-docs/assets/${version}`;

/** The files that the page loads, by the names it gives them. A request for any other name finds nothing. */
const FILES: Record<string, string> = {
  'swagger-ui.min.css': 'swagger-ui.css',
  'swagger-ui-bundle.js': 'swagger-ui-bundle.js',
  'swagger-ui-standalone-preset.js': 'swagger-ui-standalone-preset.js',
  'favicon-32x32.png': 'favicon-32x32.png',
};

/** The path on disk of a file of the page; undefined for what the page does not load. */
export function swaggerAsset(name: string): string | undefined {
  const file = Object.hasOwn(FILES, name) ? FILES[name] : undefined;
  return file && path.join(path.dirname(packageFile), file);
}

/** Swagger UI's page and the content security policy that lets it run, and nothing else. */
export interface SwaggerPage {
  html: string;
  policy: string;
}

/** What renders the page is loaded with it: that takes a tenth of a second, and few servers ever show it. */
async function loadRenderer() {
  const { koaSwagger } = await import('koa2-swagger-ui');
  return koaSwagger({
    title: 'Parley API',
    routePrefix: false,
    swaggerCdnUrl: '/api-docs/assets',
    swaggerVersion: version,
    favicon: `${SWAGGER_ASSETS}/favicon-32x32.png`,
    hideTopbar: true,
    // Without a validator: it would send the document's address to swagger.io.
    swaggerOptions: {
      url: '/openapi.json',
      validatorUrl: null,
      deepLinking: true,
      persistAuthorization: false,
    },
  });
}

const INLINE_SCRIPT = /<script>([\s\S]*?)<\/script>/g;

/** Renders the page. It loads from this server alone, and so works offline. */
export async function renderSwaggerPage(ctx: AppContext): Promise<SwaggerPage> {
  const renderPage = await loadRenderer();
  await renderPage(ctx, async () => {});
  const html = withoutForeignFonts(String(ctx.body));
  return { html, policy: policyFor(html) };
}

function policyFor(html: string): string {
  const scripts = [...html.matchAll(INLINE_SCRIPT)].map(([, script = '']) => `'sha256-${sha256(script)}'`);
  return [
    "default-src 'none'",
    `script-src 'self' ${scripts.join(' ')}`,
    // Swagger UI sets style attributes.
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data:",
    "font-src 'self' data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('base64');
