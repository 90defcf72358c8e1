import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { applyDecorators, Controller, Get, Header, Inject, NotFoundException, Param, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { Public } from '../mtls/index.js';
import { Documented } from './answers.decorator.js';
import { OpenApiService } from './openapi.service.js';

// Scripts and styles come from here alone. ReDoc starts a worker from a blob, and writes its styles into the page.
const PAGE_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const JAVASCRIPT = 'text/javascript; charset=utf-8';

// The picture at the foot of ReDoc's menu, which a browser would fetch from another site.
const REDOC_LOGO = 'https://cdn.redoc.ly/redoc/logo-mini.svg';
const ICON = '/docs/favicon-32x32.png';

interface Asset {
  readonly file: string;
  readonly type: string;
  /** An address in the file that leads elsewhere, and the one to ask for instead. */
  readonly instead?: readonly [elsewhere: string, here: string];
}

/** The files that the pages ask for, each by its name, from its package on this disk. Nothing else is ever read. */
const ASSETS: ReadonlyMap<string, Asset> = new Map<string, Asset>([
  ['swagger-ui.css', { file: 'swagger-ui-dist/swagger-ui.css', type: 'text/css; charset=utf-8' }],
  ['swagger-ui-bundle.js', { file: 'swagger-ui-dist/swagger-ui-bundle.js', type: JAVASCRIPT }],
  ['favicon-32x32.png', { file: 'swagger-ui-dist/favicon-32x32.png', type: 'image/png' }],
  ['redoc.standalone.js', { file: 'redoc/bundles/redoc.standalone.js', type: JAVASCRIPT, instead: [REDOC_LOGO, ICON] }],
]);

const page = (body: string): string =>
  `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Veritas API</title><meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="${ICON}">${body}</html>`;

const SWAGGER_PAGE = page(
  '<link rel="stylesheet" href="/docs/swagger-ui.css"></head><body><div id="swagger-ui"></div><script src="/docs/swagger-ui-bundle.js"></script><script src="/docs/start.js"></script></body>',
);
const SWAGGER_START =
  "window.ui = SwaggerUIBundle({ url: '/openapi.json', dom_id: '#swagger-ui', validatorUrl: null });";
const REDOC_PAGE = page(
  '</head><body><redoc spec-url="/openapi.json"></redoc><script src="/docs/redoc.standalone.js"></script></body>',
);

// The content is what its type says, and no other site learns where a reader came from.
const SafeToRead = () =>
  applyDecorators(Header('x-content-type-options', 'nosniff'), Header('referrer-policy', 'no-referrer'));
/** For content that another version of this service may change. */
const NotStored = () => applyDecorators(SafeToRead(), Header('cache-control', 'no-store'));
const Page = () =>
  applyDecorators(
    NotStored(),
    Header('content-type', 'text/html; charset=utf-8'),
    Header('content-security-policy', PAGE_POLICY),
  );

/** The documentation of the API, with every asset from this machine's disk. */
@Controller()
@Public()
export class DocsController {
  readonly #require = createRequire(import.meta.url);
  // Each asset is read once, and is in memory once, however many clients take it slowly.
  readonly #contents = new Map<string, Promise<Buffer>>();

  constructor(@Inject(OpenApiService) private readonly openApi: OpenApiService) {}

  @Get('openapi.json')
  @NotStored()
  @Header('content-type', 'application/json; charset=utf-8')
  document(): Promise<Buffer> {
    return this.openApi.document();
  }

  @Get('docs')
  @Page()
  swagger(): string {
    return SWAGGER_PAGE;
  }

  @Get('redoc')
  @Page()
  redoc(): string {
    return REDOC_PAGE;
  }

  @Get('docs/start.js')
  @NotStored()
  @Header('content-type', JAVASCRIPT)
  start(): string {
    return SWAGGER_START;
  }

  @Get('docs/:asset')
  @Documented({ codes: ['not_found'] })
  @Header('cache-control', 'public, max-age=86400')
  @SafeToRead()
  async asset(@Param('asset') name: string, @Res({ passthrough: true }) reply: FastifyReply): Promise<Buffer> {
    const asset = ASSETS.get(name);
    if (!asset) throw new NotFoundException(`there is no page /docs/${encodeURIComponent(name)}`);
    void reply.header('content-type', asset.type);
    const contents = this.#contents.get(name) ?? this.#read(asset);
    this.#contents.set(name, contents);
    return contents.catch((error: unknown) => {
      this.#contents.delete(name);
      throw error;
    });
  }

  async #read({ file, instead }: Asset): Promise<Buffer> {
    const contents = await readFile(this.#require.resolve(file));
    return instead ? Buffer.from(contents.toString('utf8').replaceAll(...instead)) : contents;
  }
}
