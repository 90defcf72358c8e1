import { describe, expect, test } from '@jest/globals';
import { existsSync, globSync, readFileSync } from 'node:fs';

const pages = globSync('docs/evidence/*.md').filter((page) => !page.endsWith('README.md'));
/** The parts of a string that are not made of variables, as a title in a file may be. */
const asWritten = (text: string): string => text.replaceAll(/\\(['"`|])/g, '$1').replaceAll(/\s+/g, ' ');

describe.each(pages)('%s', (page) => {
  const rows = readFileSync(page, 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('|') && !/^\| (?:Promise|-+) +\|/.test(line))
    .map((line) =>
      line
        .replaceAll('\\|', '¦')
        .split('|')
        .map((cell) => cell.replaceAll('¦', '|').trim()),
    );

  test('has a promise and what shows it in each row', () => {
    expect(rows.length).toBeGreaterThan(0);
    for (const [, promise = '', shown = '', ...rest] of rows) {
      expect([promise, rest]).toEqual([expect.stringMatching(/\.$/), ['']]);
      expect([promise, shown]).toEqual([promise, expect.stringMatching(/`.+`|not met|left out/i)]);
    }
  });

  test('names files, titles and benchmarks that exist', () => {
    for (const [, , shown = ''] of rows) {
      for (const [, file = '', title] of shown.matchAll(/`((?:src|test|bench|examples)\/[^`]+)`(?: "([^"]+)")?/g)) {
        expect([file, existsSync(file)]).toEqual([file, true]);
        if (title === undefined) continue;
        const isThere = asWritten(readFileSync(file, 'utf8')).includes(asWritten(title));
        expect([file, title, isThere]).toEqual([file, title, true]);
      }
      for (const [, bench = ''] of shown.matchAll(/`npm run bench -- ([a-z]+)[^`]*`/g))
        expect([bench, existsSync(`bench/${bench}.ts`)]).toEqual([bench, true]);
    }
  });
});
