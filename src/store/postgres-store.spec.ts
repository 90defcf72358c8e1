import { EventEmitter, once } from 'node:events';
import { inspect } from 'node:util';
import { setTimeout as delay } from 'node:timers/promises';
import { createServer, type AddressInfo } from 'node:net';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { sql } from 'kysely';
import { OwnServer } from '../../test/support/postgres-server.js';
import { describeOnPostgres, postgresPlace, type StorePlace } from '../../test/support/postgres.js';
import { TestCa } from '../testing/index.js';
import { insertIssuer, listIssuers, setIssuerState } from './issuer.store.js';
import { migrateStore, openStore } from './open-store.js';
import { isBroken, postgresError } from './postgres-error.js';
import type { Store } from './store.js';
import { tableShapes } from './table.store.js';
import { insertingRows, runTogether, type TogetherStatement } from './together.js';

const COLUMNS = ['id', 'role', 'parent', 'der', 'created_at', 'state', 'key_place'] as const;
// Of whoever waits for the lock of the writers.
const WAITS = `wait_event = 'advisory' and datname = current_database()`;

const issuer = (id: string) => ({
  id,
  role: 'root' as const,
  parent: id,
  der: Uint8Array.of(1, 2),
  created_at: 1,
});

describeOnPostgres('a PostgreSQL store', () => {
  let place: StorePlace;
  let store: Store;
  beforeEach(async () => {
    place = await postgresPlace();
    store = await openStore(place.options);
  });
  afterEach(async () => {
    await store.close();
    await place.remove();
  });

  const kill = (which = 'true') =>
    place.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
        where application_name = 'veritas' and datname = current_database() and ${which}`,
    );

  test('a connection that is cut amid a transaction fails that one, and not the process', async () => {
    await expect(
      store.transaction(async (transaction) => {
        await insertIssuer(transaction, issuer('a'));
        await kill();
        // Nobody asks the connection while it ends.
        await delay(50);
        await insertIssuer(transaction, issuer('b'));
      }),
    ).rejects.toMatchObject({ code: 'store_unavailable' });
    await store.transaction((transaction) => insertIssuer(transaction, issuer('c')));
    expect((await listIssuers(store.database)).map(({ id }) => id)).toEqual(['c']);
  });

  describe('what goes in one message', () => {
    const adding = (serial: string): TogetherStatement =>
      insertingRows('serial', ['serial', 'reserved_at'], [{ serial, reserved_at: 1 }]);
    const working = (...statements: readonly TogetherStatement[]): Promise<string> =>
      store.transaction(
        () => Promise.resolve('longer'),
        () => ({ statements, written: () => 'together' }),
      );
    const serials = async () =>
      (await store.database.selectFrom('serial').select('serial').orderBy('serial').execute()).map(
        ({ serial }) => serial,
      );

    test('goes the longer way where the server lets a transaction see only what was there at its beginning', async () => {
      await place.query(
        `do $$ begin execute format('alter database %I set default_transaction_isolation = serializable', current_database()); end $$`,
      );
      const strict = await openStore(place.options);
      const went = strict.transaction(
        () => Promise.resolve('longer'),
        () => ({ statements: [adding('a')], written: () => 'together' }),
      );
      expect([await went, await serials()]).toEqual(['longer', []]);
      await strict.close();
    });

    test('is refused on a schema that is newer than the program', async () => {
      await place.query(`insert into migration (name, applied_at) values ('9999-later', 1)`);
      await expect(working(adding('a'))).rejects.toMatchObject({ code: 'store_too_new' });
      expect(await serials()).toEqual([]);
    });

    test('goes on after one that was refused halfway', async () => {
      const refused = { sql: `insert into revoked_serial (serial) values (?)`, parameters: [['x']], rows: 1 };
      await expect(working(adding('a'), refused, adding('b'))).rejects.toThrow(/not-null/);
      await expect(working(adding('a'), refused, adding('b'))).rejects.toThrow(/not-null/);
      expect([await working(adding('a')), await working(adding('b')), await serials()]).toEqual([
        'together',
        'together',
        ['a', 'b'],
      ]);
    });

    test('goes the longer way once where what was prepared is gone', async () => {
      expect(await working(adding('a'))).toBe('together');
      await store.transaction((transaction) => sql`deallocate all`.execute(transaction));
      expect([await working(adding('b')), await working(adding('b'))]).toEqual(['longer', 'together']);
      await store.transaction(async (transaction) => {
        await sql`deallocate all`.execute(transaction);
        expect(await runTogether(transaction, [adding('c')])).toBe(false);
        expect(await runTogether(transaction, [adding('c')])).toBe(true);
      });
      expect(await serials()).toEqual(['a', 'b', 'c']);
    });

    test('keeps nothing as nothing, and octets as octets, where one row is changed', async () => {
      await working(insertingRows('issuer', COLUMNS, [{ ...issuer('a'), state: 'retired', key_place: 'here' }]));
      const change = {
        sql: 'update issuer set der = ?, role = coalesce(?, role) where id = ?',
        parameters: [[Uint8Array.of(7, 8), null, 'a']],
        rows: 1,
      };
      expect(await working(change)).toBe('together');
      const [row] = await listIssuers(store.database);
      expect([Buffer.from(row?.der ?? []).toString('hex'), row?.role]).toEqual(['0708', 'root']);
    });

    test('tells other nodes when it is of concern to them', async () => {
      const other = await openStore(place.options);
      const changes = new EventEmitter();
      // The first time because it listens from now on.
      const listens = once(changes, 'change');
      other.watch(() => changes.emit('change'));
      await listens;
      const adds = (id: string) =>
        insertingRows('issuer', COLUMNS, [{ ...issuer(id), state: 'retired', key_place: 'here' }]);
      const told = once(changes, 'change');
      expect(await working(adds('a'))).toBe('together');
      await told;
      const toldAgain = once(changes, 'change');
      expect(await store.transaction((transaction) => runTogether(transaction, [adds('b')]))).toBe(true);
      await toldAgain;
      await other.close();
    });

    test('fails, and not the process, on a connection that is cut while it is on its way', async () => {
      const held = await openStore(place.options);
      const { pending } = await held.transaction(async () => {
        const waiting = working(adding('a'));
        waiting.catch(() => undefined);
        while ((await place.query(`select 1 from pg_stat_activity where ${WAITS}`)).length === 0) await delay(5);
        await kill(WAITS);
        return { pending: waiting };
      });
      await expect(pending).rejects.toMatchObject({ code: 'store_unavailable' });
      expect([await working(adding('b')), await serials()]).toEqual(['together', ['b']]);
      await held.close();
    });
  });

  test('knows its own tables among those of others in the database', async () => {
    const others = ['migration (name text)', 'audit (what integer)', 'policy (octets bytea)'].map(
      (table) => `create table zothers.${table}`,
    );
    const shapes = await tableShapes(store.database);
    await place.execute('create schema zothers', ...others);
    expect(await tableShapes(store.database)).toEqual(shapes);
    const empty = await postgresPlace();
    await empty.execute('create schema zothers', ...others);
    expect((await migrateStore(empty.options)).length).toBeGreaterThan(0);
    await empty.remove();
  });

  test('tells who watches of what is for them, when it is there, and of nothing else', async () => {
    const other = await openStore(place.options);
    let told = 0;
    let tell = (): void => undefined;
    const next = (): Promise<void> => new Promise((resolve) => (tell = resolve));
    const listening = next();
    const unwatch = other.watch(() => {
      told++;
      tell();
    });
    await listening;
    const made = next();
    await store.transaction((transaction) => insertIssuer(transaction, issuer('a')));
    await made;
    expect((await listIssuers(other.database)).map(({ id }) => id)).toEqual(['a']);
    const row = { serial: '01', reserved_at: 1 };
    await store.transaction((transaction) => transaction.insertInto('serial').values(row).execute());
    const changed = next();
    await store.transaction((transaction) => setIssuerState(transaction, 'a', 'retired'));
    await changed;
    // Whatever was told besides would be here by then.
    await delay(50);
    // That it listens, the CA, and its state; not the number.
    expect(told).toBe(3);
    unwatch();
    await other.close();
  });

  test('a listener that is cut listens again, and tells of what it may have missed', async () => {
    let tell = (): void => undefined;
    const next = (): Promise<void> => new Promise((resolve) => (tell = resolve));
    const listening = next();
    store.watch(() => {
      tell();
    });
    await listening;
    const again = next();
    await kill(`query like 'listen%'`);
    await again;
  });
});

test.each(['EPIPE', 'ECONNRESET', 'EBADF'])('%s is of the connection, and no word of the database', (code) => {
  const error = Object.assign(new Error(`write ${code}`), { code });
  expect(isBroken(error)).toBe(true);
  expect(postgresError(error, 'postgres://host/db')).toMatchObject({
    code: 'store_unavailable',
    message: `the store postgres://host/db cannot be used: write ${code} (store.urlFile names it)`,
  });
});

describeOnPostgres('a PostgreSQL that cannot be used', () => {
  const password = 'hunter2/päss?';
  const root = TestCa.root();
  let server: OwnServer;
  beforeAll(async () => {
    const pair = root.issue({ commonName: '127.0.0.1', names: [{ kind: 'dns', value: 'localhost' }] });
    server = await OwnServer.start({ chainPem: pair.chainPem, keyPem: pair.keyPem });
    for (const role of ['veritas_owner', 'veritas_service'])
      await server.query(`create role ${role} login password '${password}'`);
    await server.query('create database pki owner veritas_owner');
    await server.query('create database other owner veritas_owner');
    writeFileSync(join(server.folder, 'root.pem'), root.certificatePem);
    writeFileSync(join(server.folder, 'stranger.pem'), TestCa.root().certificatePem);
    await migrateStore({ url: url() });
  });
  afterAll(() => server.remove());

  const url = (change: { database?: string; user?: string; password?: string } = {}): string =>
    server.url(change.database ?? 'pki', change.user ?? 'veritas_owner', change.password ?? password);

  /** What opening it says, which is one sentence without a trace of the password in anything that could be printed. */
  async function refusal(target: string): Promise<string> {
    const error = await openStore({ url: target }).then(
      async (store) => {
        await store.close();
        throw new Error('it was opened');
      },
      (reason: unknown) => reason as Error & { code: string },
    );
    expect(error).toMatchObject({ name: 'StoreError', code: 'store_unavailable' });
    const printed = `${inspect(error, { depth: 10, showHidden: true })}${error.stack}${JSON.stringify(error)}`;
    for (const secret of ['hunter2', encodeURIComponent(password)]) expect(printed).not.toContain(secret);
    expect(error.message).not.toContain('\n');
    return error.message.replaceAll(String(server.port), 'PORT').replaceAll(server.folder, 'FOLDER');
  }

  test('a wrong password, an unknown role and an unknown database', async () => {
    expect(await refusal(url({ password: 'hunter2-not' }))).toBe(
      'the store postgres://127.0.0.1:PORT/pki cannot be used: password authentication failed for user "veritas_owner" (store.urlFile names it)',
    );
    expect(await refusal(url({ user: 'nobody' }))).toContain('password authentication failed for user "nobody"');
    expect(await refusal(url({ database: 'absent' }))).toBe(
      'the store postgres://127.0.0.1:PORT/absent cannot be used: database "absent" does not exist (store.urlFile names it)',
    );
  });

  test('a host that is not there, and one that is no PostgreSQL', async () => {
    expect(await refusal(url().replace(String(server.port), '1'))).toMatch(/ECONNREFUSED/);
    expect(await refusal(url().replace('127.0.0.1', 'nowhere.invalid'))).toMatch(/ENOTFOUND|EAI_AGAIN/);
    const other = createServer((socket) => socket.resume().end('HTTP/1.1 400 Bad Request\r\n\r\n')).listen(
      0,
      '127.0.0.1',
    );
    await once(other, 'listening');
    try {
      const { port } = other.address() as AddressInfo;
      expect(await refusal(url().replace(String(server.port), String(port)))).toMatch(/cannot be used: /);
    } finally {
      other.close();
    }
  });

  test('has its server notice within half a minute that a machine is gone, and so its lock', async () => {
    const store = await openStore({ url: url() });
    const { rows } = await store.transaction((transaction) =>
      sql`select name, setting from pg_settings where name like 'tcp_%' order by name`.execute(transaction),
    );
    expect(rows).toEqual([
      { name: 'tcp_keepalives_count', setting: '3' },
      { name: 'tcp_keepalives_idle', setting: '10' },
      { name: 'tcp_keepalives_interval', setting: '5' },
      { name: 'tcp_user_timeout', setting: '25000' },
    ]);
    await store.close();
  });

  test('a role with too few rights hears which', async () => {
    const service = url({ user: 'veritas_service' });
    expect(await refusal(service)).toBe(
      'the store postgres://127.0.0.1:PORT/pki cannot be used: permission denied for table migration (store.urlFile names it)',
    );
    await server.query('grant select on all tables in schema public to veritas_service', 'pki');
    expect(await refusal(service)).toMatch(/its role lacks insert on issuer, .*delete on crl/);
    // An empty database, and a role that may not make tables in it, as is the rule since 15.
    await server.query('revoke create on schema public from public', 'other');
    expect(await refusal(url({ user: 'veritas_service', database: 'other' }))).toMatch(
      /permission denied for schema public/,
    );
  });

  test('TLS: a certificate of the CA that is named, and no other', async () => {
    const at = (host: string, rest: string): string => `${url().replace('127.0.0.1', host)}?${rest}`;
    const root = join(server.folder, 'root.pem');
    // The server may not have heard yet that those of the tests before have closed their connections.
    const [before] = (await server.query('select clock_timestamp()::text as at')).rows as { at: string }[];
    const store = await openStore({ url: at('localhost', `sslmode=verify-full&sslrootcert=${root}`) });
    expect(await listIssuers(store.database)).toEqual([]);
    const { rows } = await server.query(
      `select distinct ssl from pg_stat_ssl join pg_stat_activity using (pid)
        where application_name = 'veritas' and backend_start > '${String(before?.at)}'`,
    );
    expect(rows).toEqual([{ ssl: true }]);
    await store.close();
    expect(
      await refusal(at('localhost', `sslmode=verify-full&sslrootcert=${join(server.folder, 'stranger.pem')}`)),
    ).toMatch(/certificate/);
    expect(await refusal(at('127.0.0.1', `sslmode=verify-full&sslrootcert=${root}`))).toMatch(/does not match/);
    expect(await refusal(at('localhost', 'sslmode=verify-full&sslrootcert=/absent.pem'))).toBe(
      'the store of store.urlFile cannot be used: /absent.pem cannot be read (ENOENT)',
    );
  });

  test('a standby takes no writes, and says so at the start and to who asks', async () => {
    const before = await openStore({ url: url() });
    await before.checkWritable();
    await server.stop('SIGINT');
    writeFileSync(join(server.folder, 'data/standby.signal'), '');
    await server.startAgain();
    expect(await refusal(url())).toBe(
      'the store postgres://127.0.0.1:PORT/pki cannot be used: it takes no writes (a standby, or opened for reading: readonly) (store.urlFile names it)',
    );
    await expect(before.checkWritable()).rejects.toThrow(/standby/);
    await before.close();
    const reader = await openStore({ url: url(), readOnly: true });
    expect(await listIssuers(reader.database)).toEqual([]);
    await reader.close();
  });
});
