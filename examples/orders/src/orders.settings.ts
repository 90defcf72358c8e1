import { readFileSync } from 'node:fs';
import { registerAs, type ConfigType } from '@nestjs/config';

/** What the operator of this application sets, all of it in the environment. Throws when a file that is named cannot be read, or is not named. */
export const ordersSettings = registerAs('orders', () => ({
  port: Number(process.env.ORDERS_PORT ?? 5443),
  /** PEM: the CAs whose clients may call, roots and intermediates in one bundle. */
  trustAnchors: read('ORDERS_CA_FILE'),
  certificate: read('ORDERS_CERTIFICATE_FILE'),
  key: read('ORDERS_KEY_FILE'),
  /** The revocation lists of those CAs: files or URLs. */
  crls: required('ORDERS_CRLS').split(','),
  /** The services that may call at all. */
  services: required('ORDERS_SERVICES').split(','),
}));

export type OrdersSettings = ConfigType<typeof ordersSettings>;

function read(name: string): string {
  const path = required(name);
  try {
    return readFileSync(path, 'utf8');
  } catch {
    throw new Error(`${name}: ${path} cannot be read`);
  }
}

function required(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === '')
    throw new Error(`${name} is not set: examples/orders/README.md has the settings`);
  return value;
}
