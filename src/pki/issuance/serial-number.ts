import { randomFillSync } from 'node:crypto';

const OCTETS = 16;

// Asking for random octets costs more than having many: they are drawn for some hundred numbers at once. A serial number is public.
const drawn = Buffer.alloc(256 * OCTETS);
let used = drawn.length;

function draw(octets: number): Uint8Array {
  if (used + octets > drawn.length) {
    randomFillSync(drawn);
    used = 0;
  }
  used += octets;
  return drawn.subarray(used - octets, used);
}

/**
 * A serial number of 16 octets with the top bit clear: positive, at most 20 octets (RFC 5280 §4.1.2.2), 127 of its bits random (CA/Browser
 * Forum Baseline Requirements §7.1 asks for 64). `random` gives the octets; node:crypto by default. Lower-case hexadecimal, 32 digits.
 */
export function newSerialNumber(random: (octets: number) => Uint8Array = draw): string {
  for (;;) {
    const octets = Buffer.from(random(OCTETS));
    octets[0] = (octets[0] ?? 0) & 0x7f;
    // A leading zero octet would make it shorter than its text; zero is not positive.
    if (octets[0] !== 0) return octets.toString('hex');
  }
}
