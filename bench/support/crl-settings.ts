import { join } from 'node:path';
import type { PkiSettings } from '../../src/pki/index.js';
import { configurationIn } from './material.js';

/** The settings of the CA in a folder with development material. */
export function benchSettings(folder: string): PkiSettings {
  return { ...configurationIn(folder).pki, crlDirectory: join(folder, 'var/crl') };
}
