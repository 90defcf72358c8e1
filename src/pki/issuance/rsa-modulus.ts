const SMALL_PRIMES = primesBelow(752);
/** The largest of the primes in which the marks of ROCA show: Nemec et al., The Return of Coppersmith's Attack, 2017, §3.1. */
const LARGEST_MARK = 167;
/** CA/Browser Forum Baseline Requirements §6.1.1.3 (5). */
const FERMAT_ROUNDS = 100;
/** The residues that powers of 65537 have for each of those primes. */
const MARKS = SMALL_PRIMES.filter((prime) => prime > 2 && prime <= LARGEST_MARK).map((prime) => ({
  prime: BigInt(prime),
  residues: powersOf(65537, prime),
}));
const SQUARES_OF_64: ReadonlySet<bigint> = new Set(Array.from({ length: 64 }, (_, i) => BigInt((i * i) % 64)));

/**
 * Why an RSA modulus is easily factored (CA/Browser Forum Baseline Requirements §6.1.1.3): it has a small factor, was made by the library of CVE-2017-15361
 * (ROCA), or is a product of primes that are close to each other. Undefined when none of these is found.
 */
export function rsaModulusDefect(modulus: bigint): string | undefined {
  if (SMALL_PRIMES.some((prime) => modulus % BigInt(prime) === 0n)) return 'has a small factor';
  if (MARKS.every(({ prime, residues }) => residues.has(Number(modulus % prime))))
    return 'was made by a library with a defect (CVE-2017-15361, ROCA)';
  return hasClosePrimes(modulus) ? 'is a product of primes that are close to each other' : undefined;
}

/** Fermat's factorization: n = a² - b², for an a near the root of n. */
function hasClosePrimes(modulus: bigint): boolean {
  let a = rootOf(modulus) + 1n;
  for (let round = 0; round < FERMAT_ROUNDS; round++, a++) if (isSquare(a * a - modulus)) return true;
  return false;
}

function isSquare(value: bigint): boolean {
  if (!SQUARES_OF_64.has(value & 63n)) return false;
  const root = rootOf(value);
  return root * root === value;
}

/** The whole part of a square root, by Newton's method from above. */
function rootOf(value: bigint): bigint {
  let root = 1n << BigInt(Math.ceil(value.toString(16).length * 2) + 1);
  for (;;) {
    const next = (root + value / root) >> 1n;
    if (next >= root) return root;
    root = next;
  }
}

function powersOf(base: number, modulus: number): ReadonlySet<number> {
  const powers = new Set<number>();
  for (let power = 1; !powers.has(power); power = (power * base) % modulus) powers.add(power);
  return powers;
}

function primesBelow(limit: number): number[] {
  const primes: number[] = [];
  for (let candidate = 2; candidate < limit; candidate++)
    if (primes.every((prime) => candidate % prime !== 0)) primes.push(candidate);
  return primes;
}
