import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TestCa } from 'veritas/testing';

// A stand-in for the CA that a company has already: it keeps no key, so what it issued cannot be renewed. Run it again for a new one.
const folder = process.argv[2] ?? 'acme';
const acme = TestCa.root({ organization: 'Acme Corp', commonName: 'Acme Root' });
const names = [{ kind: 'dns', value: 'localhost' }] as const;
const issued = {
  server: acme.issue({ organization: 'Acme Corp', commonName: 'orders', names }),
  billing: acme.issue({ organization: 'Acme Corp', commonName: 'billing' }),
  shop: acme.issue({ organization: 'Acme Corp', commonName: 'shop' }),
  stranger: acme.issue({ organization: 'Acme Corp', commonName: 'stranger' }),
};

mkdirSync(folder, { recursive: true, mode: 0o700 });
writeFileSync(join(folder, 'ca.pem'), acme.certificatePem);
writeFileSync(join(folder, 'acme.crl'), acme.crl());
for (const [name, { chainPem, keyPem }] of Object.entries(issued)) {
  writeFileSync(join(folder, `${name}.pem`), chainPem);
  writeFileSync(join(folder, `${name}.key`), keyPem, { mode: 0o600 });
}
