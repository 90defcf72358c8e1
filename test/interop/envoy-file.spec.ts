import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { Enum, Root, Type, type Field } from 'protobufjs';
import { parse } from 'yaml';

// Envoy itself is in no package of Debian or npm. What its file may say is published, as the Protocol Buffers that gRPC's client of Envoy's API carries.

const { ENVOY_API_DIRECTORY: folder } = process.env;
const ROOTS = [
  'envoy/config/bootstrap/v3/bootstrap.proto',
  'envoy/extensions/filters/http/router/v3/router.proto',
  'envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.proto',
  'envoy/extensions/transport_sockets/tls/v3/tls.proto',
];
const KINDS: Readonly<Record<string, string>> = { string: 'string', bytes: 'string', bool: 'boolean' };

describe('the file for Envoy', () => {
  const api = new Root();
  beforeAll(() => {
    if (folder === undefined) throw new Error('run it by npm run test:interop: it needs ENVOY_API_DIRECTORY');
    const deps = join(folder, 'node_modules/@grpc/grpc-js-xds/deps');
    const places = [...readdirSync(deps).map((name) => join(deps, name)), join(folder, 'node_modules/protobufjs')];
    api.resolvePath = (_, target) => places.map((place) => join(place, target)).find(existsSync) ?? null;
    api.loadSync(ROOTS, { keepCase: true }).resolveAll();
  });

  /** What of a message Envoy's API does not know, or knows as something else. */
  function* unknown(value: object, type: Type, path: string): Generator<string> {
    const { '@type': other, ...fields } = value as Readonly<Record<string, unknown>>;
    const message = typeof other === 'string' ? api.lookupType(other.replace('type.googleapis.com/', '')) : type;
    for (const [name, given] of Object.entries(fields)) {
      const field = message.fields[name];
      if (!field) yield `${path}.${name}: no field of ${message.fullName}`;
      else if (field.options?.deprecated === true) yield `${path}.${name}: deprecated`;
      else if (field.repeated !== Array.isArray(given)) yield `${path}.${name}: a list, or not one`;
      else for (const each of [given].flat()) yield* unknownIn(each, field, `${path}.${name}`);
    }
  }

  function* unknownIn(value: unknown, { type, resolvedType }: Field, path: string): Generator<string> {
    if (resolvedType instanceof Enum) {
      if (typeof value !== 'string' || !(value in resolvedType.values))
        yield `${path}: ${String(value)} is no ${resolvedType.fullName}`;
    } else if (!(resolvedType instanceof Type)) {
      if (typeof value !== (KINDS[type] ?? 'number')) yield `${path}: ${typeof value} for ${type}`;
    } else if (resolvedType.fullName === '.google.protobuf.Duration') {
      if (!/^\d+s$/.test(String(value))) yield `${path}: no duration`;
    } else if (resolvedType.fullName.startsWith('.google.protobuf.') && typeof value !== 'object') {
      const wrapped = resolvedType.fields.value;
      if (wrapped) yield* unknownIn(value, wrapped, path);
    } else if (typeof value !== 'object' || value === null)
      yield `${path}: ${typeof value} for ${resolvedType.fullName}`;
    else yield* unknown(value, resolvedType, path);
  }

  const text = readFileSync(resolve(import.meta.dirname, '../../config/envoy/envoy.yaml'), 'utf8');
  const problemsOf = (yaml: string): readonly string[] => [
    ...unknown(parse(yaml) as object, api.lookupType('envoy.config.bootstrap.v3.Bootstrap'), ''),
  ];

  test('has no field, kind of value or word that its published API does not know, and nothing deprecated', () => {
    expect(problemsOf(text)).toEqual([]);
  });

  test.each([
    ['a field', 'require_client_certificate', 'require_client_cert', /no field of/],
    ['a word', 'ACCEPT_UNTRUSTED', 'ACCEPT_ANYBODY', /ACCEPT_ANYBODY is no /],
    ['a kind of value', 'port_value: 443', 'port_value: https', /string for uint32/],
    ['a kind of message', '{ cert: true }', 'cert', /string for .*SetCurrentClientCertDetails/],
    ['a wrapped value', 'require_client_certificate: false', 'require_client_certificate: 0', /number for bool/],
  ])('%s that it does not know would be found', (_, right, wrong, problem) => {
    expect(text).toContain(right);
    expect(problemsOf(text.replace(right, wrong))).toEqual([expect.stringMatching(problem)]);
  });
});
