// Puts what a start loads into few files: Node.js takes as long to find, read and link a thousand small ones as for all the rest of a start.
import { readdir, readFile } from 'node:fs/promises';
import { join, relative, resolve, sep } from 'node:path';
import { build } from 'esbuild';

/** Packages of many small files that nobody else here loads. All others stay where they are: they find their own files, or are shared with the host. */
const TAKEN_IN = ['kysely', 'yaml', 'zod'];

const OPTIONS = {
  allowOverwrite: true,
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node24',
  sourcemap: true,
  // Comments with a single character that is not Latin-1 would double what a file takes in memory.
  minifyWhitespace: true,
  legalComments: 'none',
  lineLimit: 160,
  logLevel: 'warning',
  // yaml is CommonJS, and asks for what Node.js has by `require`.
  banner: {
    js: "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);",
  },
};

/**
 * Replaces the two programs among the compiled files of `folder` by bundles of themselves and of what they import; what they share, and what they import
 * later, becomes further files beside them. What threads start from is replaced by a file each. The single modules stay: other programs import them.
 */
export async function bundle(folder) {
  const threads = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('-worker.js'));
  await build({
    ...OPTIONS,
    entryPoints: threads.map((name) => join(folder, name)),
    outdir: folder,
    outbase: folder,
    packages: 'external',
  });
  await bundlePrograms(folder, ['main', 'cli']);
}

/** Puts bundles of programs, which are named by their paths in `folder` without `.js`, into `folder`; see {@link bundle}. */
export async function bundlePrograms(folder, programs) {
  await build({
    ...OPTIONS,
    entryPoints: programs.map((name) => join(folder, `${name}.js`)),
    outdir: folder,
    splitting: true,
    chunkNames: '[name].[hash]',
    plugins: [{ name: 'veritas', setup: (hooks) => setUp(hooks, folder) }],
  });
}

function setUp({ onResolve, onLoad }, folder) {
  onResolve({ filter: /^[^./]/ }, ({ path, kind }) => {
    const taken = kind === 'entry-point' || TAKEN_IN.some((name) => path === name || path.startsWith(`${name}/`));
    return taken ? undefined : { path, external: true };
  });
  // A module that looks for a file beside itself finds it from the bundle too.
  onLoad({ filter: /\.js$/ }, async ({ path }) => {
    const place = relative(folder, path).split(sep).join('/');
    if (place.startsWith('..')) return undefined;
    const text = await readFile(path, 'utf8');
    const url = `new URL(${JSON.stringify(`./${place}`)}, import.meta.url).href`;
    return text.includes('import.meta.url') ? { contents: text.replaceAll('import.meta.url', url) } : undefined;
  });
}

if (import.meta.main) await bundle(resolve(process.argv[2] ?? join(import.meta.dirname, 'dist')));
