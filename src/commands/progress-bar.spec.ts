import { describe, expect, it } from '@jest/globals';
import { ProgressBar } from './progress-bar.js';

describe('a progress bar', () => {
  const drawn = (steps: readonly (readonly [at: number, done: number, total: number])[]): string[] => {
    const texts: string[] = [];
    let clock = 0;
    const bar = new ProgressBar(
      'Rows',
      (text) => texts.push(text),
      () => clock,
    );
    for (const [at, done, total] of steps) {
      clock = at;
      bar.update(done, total);
    }
    bar.end();
    bar.end();
    return texts;
  };

  it('draws ten times a second at most, on one line, and wipes it once', () => {
    expect(
      drawn([
        [50, 1, 4],
        [100, 2, 4],
        [150, 3, 4],
        [200, 4, 4],
      ]),
    ).toEqual([
      `\rRows [${'#'.repeat(15)}${'.'.repeat(15)}] 50 % (2 of 4)`,
      `\rRows [${'#'.repeat(30)}] 100 % (4 of 4)`,
      '\r\u001b[K',
    ]);
  });

  it('shows nothing of short work, nor where nobody watches, and bears any numbers', () => {
    expect(drawn([[99, 1, 2]])).toEqual([]);
    expect(drawn([[100, 9, 3]])[0]).toContain('100 %');
    expect(drawn([[100, 0, 0]])[0]).toContain('100 %');
    const silent = new ProgressBar('Rows', undefined);
    silent.update(1, 2);
    silent.end();
  });
});
