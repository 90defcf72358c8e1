import { existsSync, statfsSync } from 'node:fs';

// Threads that a test starts from the sources.
process.env.NODE_OPTIONS = `${process.env.NODE_OPTIONS ?? ''} --import ${new URL('test/support/source-names.js', import.meta.url)}`;

// What the specs write is thrown away: where there is room, no disk is waited for. A run of test/interop/ is on the disk, as the product is.
const memory = '/dev/shm';
const ROOM = 2 ** 30;
if (process.env.TMPDIR === undefined && existsSync(memory)) {
  const { bavail, bsize } = statfsSync(memory);
  if (bavail * bsize >= ROOM) process.env.TMPDIR = memory;
}

/** @type {import('jest').Config} */
export default {
  testEnvironment: 'node',
  globalSetup: './test/support/postgres-cluster.ts',
  globalTeardown: './test/support/postgres-cluster.ts',
  roots: ['<rootDir>/src', '<rootDir>/test', '<rootDir>/examples'],
  testMatch: ['**/*.spec.ts'],
  testPathIgnorePatterns: ['/node_modules/', '<rootDir>/test/interop/'],
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: {
    // To derive in full what a CA's key is encrypted with took a third of the processor time of all specs.
    '^\\./encrypted-key-parameters\\.js$': '<rootDir>/test/support/quick-derivation.ts',
    '^(\\.{1,2}/.*)\\.js$': '$1',
    '^veritas/pki$': '<rootDir>/src/pki/nest/index.ts',
    '^veritas/(.*)$': '<rootDir>/src/$1/index.ts',
  },
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        exclude: [],
        swcrc: false,
        jsc: {
          target: 'es2024',
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true },
          keepClassNames: true,
        },
        module: { type: 'es6' },
        sourceMaps: 'inline',
      },
    ],
  },
  collectCoverageFrom: ['src/**/*.ts', '!src/**/*.spec.ts', '!src/main.ts'],
  // One more than the least machine has cores: much of what they do is waiting.
  maxWorkers: 3,
  // Modules that were loaded for a spec stay in its process: with a hundred and fifty of them that came to nearly two gigabytes each.
  workerIdleMemoryLimit: '1GB',
  // A process that was started in the place of such a one just before the run ends is not up within the usual half a second.
  workerGracefulExitTimeout: 10_000,
  // A machine that stalls for a while fails nothing.
  testTimeout: 60_000,
};
