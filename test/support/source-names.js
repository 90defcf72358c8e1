import { readFileSync } from 'node:fs';
import { createRequire, registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';
import { isMainThread } from 'node:worker_threads';

/*
 * For threads that a test starts from the sources: these are compiled as they are read, and what they import has the names of what is compiled. Jest's
 * configuration has every process of the tests begin with it (`NODE_OPTIONS`).
 */

const options = { jsc: { target: 'es2024', parser: { syntax: 'typescript' } }, module: { type: 'es6' } };

if (!isMainThread)
  registerHooks({
    resolve: (specifier, context, next) =>
      next(
        context.parentURL?.endsWith('.ts') === true ? specifier.replace(/^(\..*)\.js$/, '$1.ts') : specifier,
        context,
      ),
    load: (url, context, next) => {
      if (!url.endsWith('.ts')) return next(url, context);
      const { transformSync } = createRequire(import.meta.url)('@swc/core');
      const { code } = transformSync(readFileSync(fileURLToPath(url), 'utf8'), options);
      return { format: 'module', source: code, shortCircuit: true };
    },
  });
