import { hash } from 'node:crypto';
import type { AuditLog } from '../audit/index.js';
import { findPolicy, setPolicy, type Store } from '../store/index.js';
import type { PkiSettings, Requester } from './pki-settings.js';

/** JSON, as far as this file looks into it. */
type Json = null | string | number | boolean | readonly Json[] | JsonMap;
interface JsonMap {
  readonly [key: string]: Json;
}

/** More changed settings than this are counted, not named. */
const MOST_PATHS = 50;

/**
 * Compares the policy that this process runs under, the CA's own settings and `settings.policy`, with the one that was recorded last, and records
 * `policy.change` with both hashes (SHA-256 of canonical JSON) and the settings that differ. Throws what the store throws; then nothing runs under it.
 */
export async function recordPolicy(
  settings: PkiSettings,
  { store, audit, requester }: { readonly store: Store; readonly audit: AuditLog; readonly requester: Requester },
): Promise<void> {
  const contents = policyText(settings);
  if ((await findPolicy(store.database)) === contents) return;
  const { actor, requestId } = requester;
  await store.transaction(async (transaction) => {
    // Looked at again: another process may have been first.
    const before = await findPolicy(transaction);
    if (before === contents) return;
    const to = hash('sha256', contents);
    const detail = before === undefined ? { to } : { from: hash('sha256', before), to, ...changesOf(before, contents) };
    const entry = { action: 'policy.change', actor, requestId, subject: 'policy', detail };
    await audit.append({ ...entry, phase: 'intent' }, transaction);
    await setPolicy(transaction, contents);
    await audit.append({ ...entry, phase: 'result' }, transaction);
  });
}

function policyText({ policy = {}, profiles = [], ...settings }: PkiSettings): string {
  const { organization, publicationUrl, keyType = 'P-256', pkcs11 } = settings;
  const { serviceLifetime, backdate, renewalGrace = 0, crlLifetime, crlOverlap } = settings;
  const { crlDeltaLifetime = 0, crlShards = 0, ocsp = false, ocspLifetime, ocspOverlap } = settings;
  const pki = {
    organization,
    publicationUrl,
    keyType: pkcs11?.keyType ?? keyType,
    serviceLifetime,
    backdate,
    renewalGrace,
    crlLifetime,
    crlOverlap,
    crlDeltaLifetime,
    crlShards,
    ocsp,
    ...(ocspLifetime === undefined ? {} : { ocspLifetime }),
    ...(ocspOverlap === undefined ? {} : { ocspOverlap }),
    profiles: Object.fromEntries(profiles.map((profile) => [profile.name, profile])),
  };
  return canonicalJson({ ...policy, pki });
}

/** JSON with the keys of each map in order and without white space (RFC 8785 §3.2.3, for text and whole numbers). */
function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

function changesOf(before: string, after: string): { readonly changed: string } {
  const paths = [...changedPaths(JSON.parse(before) as Json, JSON.parse(after) as Json)].sort();
  const more = paths.length > MOST_PATHS ? [`and ${paths.length - MOST_PATHS} more`] : [];
  return { changed: [...paths.slice(0, MOST_PATHS), ...more].join(', ') };
}

/** Where two values differ: down to the settings and names in maps, a list as a whole. */
function* changedPaths(before: Json | undefined, after: Json | undefined, path = ''): Generator<string> {
  if (canonicalJson(before) === canonicalJson(after)) return;
  if (!isMap(before) || !isMap(after)) {
    yield path;
    return;
  }
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)]))
    yield* changedPaths(before[key], after[key], path === '' ? key : `${path}.${key}`);
}

const isMap = (value: Json | undefined): value is JsonMap =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
