import { expect, test } from '@jest/globals';
import { mountPointsIn } from './mount-points.js';

test('mount points are told from the rest of a line, with what is escaped in their names', () => {
  const table = [
    '22 27 0:21 / /proc rw,relatime - proc proc rw',
    String.raw`36 35 98:0 /a\040file.pem /certs/a\040file\134s\011\012.pem rw master:1 - ext4 /dev/root rw`,
    '',
  ].join('\n');
  expect(mountPointsIn(table)).toEqual(['/proc', '/certs/a file\\s\t\n.pem']);
});
