import { expect, test } from '@jest/globals';
import { BoundedMap } from './bounded-map.js';

test('the entry that nobody asked for longest makes room for another', () => {
  const map = new BoundedMap<string, number>(3);
  const all = () => ['a', 'b', 'c', 'd', 'e'].map((key) => map.get(key));
  for (const [key, value] of Object.entries({ a: 1, b: 2, c: 3 })) map.set(key, value);
  map.get('a');
  map.set('d', 4);
  expect(all()).toEqual([1, undefined, 3, 4, undefined]);
  map.set('a', 5);
  map.delete('c');
  map.set('e', 6);
  expect(all()).toEqual([5, undefined, undefined, 4, 6]);
});
