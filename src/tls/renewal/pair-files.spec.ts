import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, jest, test } from '@jest/globals';
import { temporaryFolder } from '../../../test/support/folder.js';
import { describeWithMounts, fillDisk, mountDisk } from '../../../test/support/mounts.js';
import { TestCa, type Issued } from '../../testing/index.js';
import { PairFiles, readTlsMaterial, RenewalError } from '../index.js';
import { TemporaryFile } from './temporary-file.js';

const ca = TestCa.root();

function placed(issued: Issued = ca.issue(), keyPem = issued.keyPem, folder = temporaryFolder()) {
  const [certificateFile, keyFile] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  writeFileSync(certificateFile, issued.chainPem, { mode: 0o644 });
  writeFileSync(keyFile, keyPem, { mode: 0o600 });
  return { folder, paths: { certificateFile, keyFile }, issued };
}

/** What a reader of ours gets now: the serial number of a certificate whose key is there. */
const readNow = async (paths: { certificateFile: string; keyFile: string }): Promise<string> => {
  const { certificate, keyPem } = await readTlsMaterial(paths, new Date());
  const spki = createPublicKey(createPrivateKey(keyPem)).export({ type: 'spki', format: 'der' });
  expect(spki.equals(certificate.publicKey.der)).toBe(true);
  return certificate.serialNumber;
};

describe('a pair', () => {
  test('takes the place of another, whose key is kept', async () => {
    const { folder, paths, issued } = placed();
    const next = ca.issue();
    const pair = new PairFiles(paths);
    pair.checkWritable();
    expect(readdirSync(folder).sort()).toEqual(['cert.pem', 'key.pem']);
    pair.place(next.key, [next.certificate]);
    expect(await readNow(paths)).toBe(next.certificate.serialNumber);
    expect(readFileSync(`${paths.keyFile}.old`, 'utf8')).toBe(issued.keyPem);
    expect(readdirSync(folder).sort()).toEqual(['cert.pem', 'key.pem', 'key.pem.old']);
    expect(['cert.pem', 'key.pem', 'key.pem.old'].map((name) => statSync(join(folder, name)).mode & 0o777)).toEqual([
      0o644, 0o600, 0o600,
    ]);
  });

  test('whose certificate file holds a private key as well is not replaced', () => {
    const { paths, issued } = placed();
    writeFileSync(paths.certificateFile, issued.chainPem + issued.keyPem);
    expect(() => new PairFiles(paths)).toThrow('holds a private key too, which is never overwritten');
  });

  test('a process that ends at any step leaves a pair that belongs together for whoever reads it, and the next renewal goes on from there', async () => {
    for (let steps = 0; steps < 4; steps++) {
      const { paths, issued } = placed();
      const next = ca.issue();
      let left = steps;
      // As if the process had ended: nothing after the step that fails is done, neither placing nor tidying up.
      const place = TemporaryFile.prototype.place;
      const ended = new Error('ended');
      const placing = jest.spyOn(TemporaryFile.prototype, 'place').mockImplementation(function (this: TemporaryFile) {
        if (left-- <= 0) throw ended;
        place.call(this);
      });
      const discarding = jest.spyOn(TemporaryFile.prototype, 'discard').mockImplementation(() => undefined);
      const pair = new PairFiles(paths);
      try {
        if (steps < 3) expect(() => pair.place(next.key, [next.certificate])).toThrow(ended);
        else pair.place(next.key, [next.certificate]);
      } finally {
        placing.mockRestore();
        discarding.mockRestore();
      }
      const expected = steps < 3 ? issued : next;
      expect([steps, await readNow(paths)]).toEqual([steps, expected.certificate.serialNumber]);
      const after = new PairFiles(paths);
      expect(after.certificate.serialNumber).toBe(expected.certificate.serialNumber);
      const last = ca.issue();
      after.place(last.key, [last.certificate]);
      expect(await readNow(paths)).toBe(last.certificate.serialNumber);
      expect(readFileSync(`${paths.keyFile}.old`, 'utf8')).toBe(expected.keyPem);
    }
  });

  test('whose next key goes elsewhere, and was left there by a process that ended before its certificate came: who runs it again is told', () => {
    const { folder, paths } = placed();
    const newKeyFile = join(folder, 'next.pem');
    const mendOf = (): unknown => {
      try {
        new PairFiles({ ...paths, newKeyFile }).checkWritable();
        return undefined;
      } catch (error) {
        return error instanceof RenewalError ? error.mend : error;
      }
    };
    writeFileSync(newKeyFile, ca.issue().keyPem, { mode: 0o600 });
    expect(mendOf()).toBe(
      `choose another name with --new-key, or remove it if it was left by a renewal that was killed: it is not the key of ${paths.certificateFile}`,
    );
    // Nobody is told to remove the key of the certificate.
    writeFileSync(newKeyFile, readFileSync(paths.keyFile));
    expect(mendOf()).toBe('choose another name with --new-key');
    rmSync(newKeyFile);
    mkdirSync(newKeyFile);
    expect(mendOf()).toBe('choose another name with --new-key');
  });

  test('that is in its place stays whole though the disk fails to say so', async () => {
    const { paths } = placed();
    const next = ca.issue();
    const place = TemporaryFile.prototype.place;
    let files = 0;
    // The third is the certificate: it is renamed, and then its folder cannot be flushed.
    const placing = jest.spyOn(TemporaryFile.prototype, 'place').mockImplementation(function (this: TemporaryFile) {
      place.call(this);
      if (++files === 3) throw new RenewalError('unusable', 'EIO');
    });
    try {
      expect(() => {
        new PairFiles(paths).place(next.key, [next.certificate]);
      }).toThrow('EIO');
    } finally {
      placing.mockRestore();
    }
    expect(await readNow(paths)).toBe(next.certificate.serialNumber);
  });

  test('has the key from before in its place again where the certificate cannot be replaced', async () => {
    const { folder, paths, issued } = placed();
    const next = ca.issue();
    const place = TemporaryFile.prototype.place;
    let files = 0;
    const placing = jest.spyOn(TemporaryFile.prototype, 'place').mockImplementation(function (this: TemporaryFile) {
      if (++files === 3) throw new RenewalError('unusable', 'EIO');
      place.call(this);
    });
    try {
      expect(() => {
        new PairFiles(paths).place(next.key, [next.certificate]);
      }).toThrow('EIO');
    } finally {
      placing.mockRestore();
    }
    expect(readFileSync(paths.keyFile, 'utf8')).toBe(issued.keyPem);
    expect(statSync(paths.keyFile).mode & 0o777).toBe(0o600);
    expect(await readNow(paths)).toBe(issued.certificate.serialNumber);
    expect(readdirSync(folder).sort()).toEqual(['cert.pem', 'key.pem', 'key.pem.old']);
  });

  test('that was wiped leaves no octet of its key in memory, and is not placed', () => {
    const { paths, issued } = placed();
    // The key from before, which a renewal that was interrupted left.
    writeFileSync(`${paths.keyFile}.old`, issued.keyPem, { mode: 0o600 });
    writeFileSync(paths.keyFile, ca.issue().keyPem);
    const pair = new PairFiles(paths);
    expect(pair.keyPem.toString()).toBe(issued.keyPem);
    pair.wipe();
    expect(pair.keyPem.every((octet) => octet === 0)).toBe(true);
    const next = ca.issue();
    expect(() => pair.place(next.key, [next.certificate])).toThrow('was changed meanwhile');
  });

  test('has what a process that was killed left beside it taken away, and nothing else', () => {
    const { folder, paths } = placed();
    const names = ['.key.pem.0123456789ab.tmp', '.cert.pem.0123456789ab.tmp', '.key.pem.old.0123456789ab.tmp'];
    const kept = [
      '.key.pem.0123456789cd.tmp',
      '.other.pem.0123456789ab.tmp',
      '.key.pem.swp',
      '.key.pem.x123456789ab.tmp',
    ];
    for (const name of [...names, ...kept]) writeFileSync(join(folder, name), 'half a key', { mode: 0o600 });
    const before = new Date(Date.now() - 61_000);
    for (const name of [...names, ...kept.slice(1)]) utimesSync(join(folder, name), before, before);
    new PairFiles(paths).checkWritable();
    expect(readdirSync(folder).sort()).toEqual([...kept, 'cert.pem', 'key.pem'].sort());
  });

  test('is replaced by one process at a time, and by the next one when that has ended in the middle', async () => {
    const { folder, paths } = placed();
    const [first, second] = [ca.issue(), ca.issue()];
    const place = TemporaryFile.prototype.place;
    const refused: string[] = [];
    const placing = jest.spyOn(TemporaryFile.prototype, 'place').mockImplementation(function (this: TemporaryFile) {
      placing.mockImplementation(function (this: TemporaryFile) {
        place.call(this);
      });
      try {
        other.place(second.key, [second.certificate]);
      } catch (error) {
        refused.push((error as Error).message);
      }
      place.call(this);
    });
    const [pair, other] = [new PairFiles(paths), new PairFiles(paths)];
    try {
      pair.place(first.key, [first.certificate]);
    } finally {
      placing.mockRestore();
    }
    expect(refused).toEqual([expect.stringContaining('is being replaced by another renewal')]);
    expect(await readNow(paths)).toBe(first.certificate.serialNumber);
    const lock = join(folder, '.cert.pem.lock');
    writeFileSync(lock, '');
    // Whether it is at it or was killed over it cannot be seen.
    expect(() => {
      new PairFiles(paths).checkWritable();
    }).toThrow(expect.objectContaining({ mend: expect.stringContaining('a minute after one that was killed') }));
    utimesSync(lock, new Date(), new Date(Date.now() - 61_000));
    new PairFiles(paths).place(second.key, [second.certificate]);
    expect(await readNow(paths)).toBe(second.certificate.serialNumber);
    expect(readdirSync(folder).sort()).toEqual(['cert.pem', 'key.pem', 'key.pem.old']);
  });

  test('with a passphrase has the next key under the same one', async () => {
    const issued = ca.issue();
    const passphrase = 'correct horse';
    const keyPem = issued.key.export({ format: 'pem', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase }).toString();
    const { paths } = placed(issued, keyPem);
    const next = ca.issue();
    new PairFiles({ ...paths, keyPassphrase: passphrase }).place(next.key, [next.certificate]);
    expect(readFileSync(paths.keyFile, 'utf8')).toContain('ENCRYPTED');
    const { certificate } = await readTlsMaterial({ ...paths, keyPassphrase: passphrase }, new Date());
    expect(certificate.serialNumber).toBe(next.certificate.serialNumber);
    expect(() => new PairFiles(paths)).toThrow(/is not the key of/);
  });

  test('behind links is replaced where it lies', () => {
    const { paths } = placed();
    const links = writeLinks(paths);
    const next = ca.issue();
    new PairFiles(links).place(next.key, [next.certificate]);
    expect(new X509Certificate(readFileSync(paths.certificateFile)).serialNumber.toLowerCase()).toBe(
      next.certificate.serialNumber,
    );
    expect(existsSync(`${paths.keyFile}.old`)).toBe(true);
  });

  test('behind links is whole between the two renames as well', async () => {
    const { paths, issued } = placed();
    const links = writeLinks(paths);
    renameSync(paths.keyFile, `${paths.keyFile}.old`);
    writeFileSync(paths.keyFile, ca.issue().keyPem, { mode: 0o600 });
    expect(await readNow(links)).toBe(issued.certificate.serialNumber);
  });

  test('keeps the mode of its certificate, whatever the mask of the process', () => {
    const { paths } = placed();
    const next = ca.issue();
    const before = process.umask(0o077);
    try {
      new PairFiles(paths).place(next.key, [next.certificate]);
    } finally {
      process.umask(before);
    }
    expect(statSync(paths.certificateFile).mode & 0o777).toBe(0o644);
  });

  test('of somebody else is still his when root replaces it, the kept key too', () => {
    const { paths } = placed();
    const next = ca.issue();
    const files = [paths.certificateFile, paths.keyFile];
    if (process.geteuid?.() === 0) for (const file of files) chownSync(file, 1234, 1235);
    const { uid, gid } = statSync(paths.keyFile);
    new PairFiles(paths).place(next.key, [next.certificate]);
    for (const file of [...files, `${paths.keyFile}.old`])
      expect([file, statSync(file).uid, statSync(file).gid]).toEqual([file, uid, gid]);
  });
});

/** Links to the two files, in another folder. */
function writeLinks(paths: { readonly certificateFile: string; readonly keyFile: string }): typeof paths {
  const folder = temporaryFolder();
  const links = { certificateFile: join(folder, 'link-cert.pem'), keyFile: join(folder, 'link-key.pem') };
  symlinkSync(paths.certificateFile, links.certificateFile);
  symlinkSync(paths.keyFile, links.keyFile);
  return links;
}

describe('refused in one sentence, and nothing is changed', () => {
  const codeOf = (work: () => unknown): [string, string] => {
    try {
      work();
    } catch (error) {
      if (error instanceof RenewalError) return [error.code, error.message];
      throw error;
    }
    return ['', ''];
  };

  test.each<[string, RegExp, string, (place: ReturnType<typeof placed>) => unknown]>([
    [
      'a key of another certificate',
      /is not the key of/,
      'unusable',
      ({ paths }) => {
        writeFileSync(paths.keyFile, ca.issue().keyPem);
        new PairFiles(paths);
      },
    ],
    [
      'a kept key that belongs to nothing',
      /is not the key of/,
      'unusable',
      ({ paths }) => {
        writeFileSync(paths.keyFile, ca.issue().keyPem);
        writeFileSync(`${paths.keyFile}.old`, 'nonsense', { mode: 0o600 });
        new PairFiles(paths);
      },
    ],
    [
      'a key that others can read',
      /open to others/,
      'unusable',
      ({ paths }) => {
        chmodSync(paths.keyFile, 0o640);
        new PairFiles(paths);
      },
    ],
    [
      'no certificate',
      /holds no certificate/,
      'unusable',
      ({ paths }) => {
        writeFileSync(paths.certificateFile, 'nonsense');
        new PairFiles(paths);
      },
    ],
    [
      'no file',
      /cannot be read \(ENOENT\)/,
      'unusable',
      ({ paths }) => new PairFiles({ ...paths, keyFile: '/nowhere/key.pem' }),
    ],
    [
      'a place for the old key that is taken',
      /key\.pem\.old cannot be written/,
      'unusable',
      ({ paths }) => {
        mkdirSync(`${paths.keyFile}.old`);
        const next = ca.issue();
        new PairFiles(paths).place(next.key, [next.certificate]);
      },
    ],
    [
      'files that changed meanwhile',
      /was changed meanwhile/,
      'refused',
      ({ paths }) => {
        const pair = new PairFiles(paths);
        writeFileSync(paths.certificateFile, `${ca.issue().chainPem}\n`);
        const next = ca.issue();
        pair.place(next.key, [next.certificate]);
      },
    ],
  ])('%s', (_, sentence, code, work) => {
    const place = placed();
    const key = readFileSync(place.paths.keyFile, 'utf8');
    expect(codeOf(() => work(place))).toEqual([code, expect.stringMatching(sentence)]);
    if (code === 'refused') expect(readFileSync(place.paths.keyFile, 'utf8')).toBe(key);
    expect(readdirSync(place.folder).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  test('what cannot be written is found before anybody is asked', () => {
    const { folder, paths, issued } = placed();
    expect(
      codeOf(() => {
        new PairFiles({ ...paths, newKeyFile: paths.keyFile }).checkWritable();
      }),
    ).toEqual(['refused', expect.stringMatching(/exists, and a private key is never overwritten/)]);
    expect(
      codeOf(() => {
        new PairFiles({ ...paths, newKeyFile: join(paths.keyFile, 'next/key.pem') }).checkWritable();
      }),
    ).toEqual(['unusable', expect.stringMatching(/key\.pem\/next cannot be made \(ENOTDIR\)/)]);
    // Long enough for the file, and too long for the temporary one beside it.
    const keyFile = join(folder, 'k'.repeat(250));
    writeFileSync(keyFile, issued.keyPem, { mode: 0o600 });
    expect(
      codeOf(() => {
        new PairFiles({ ...paths, keyFile }).checkWritable();
      }),
    ).toEqual(['unusable', expect.stringMatching(/cannot be written \(ENAMETOOLONG\)/)]);
  });
});

describeWithMounts('a disk that is nearly full', () => {
  test('is found before anybody is asked when there is no room for all that will be written', () => {
    const disk = temporaryFolder();
    mountDisk(disk, 64 * 1024);
    const issued = ca.issue();
    const { paths } = placed(issued, issued.keyPem, disk);
    const pair = new PairFiles(paths);
    // A page for each file: the certificate, its key, and the key from before.
    const free = fillDisk(disk, 2 * 4096);
    expect(() => {
      pair.checkWritable();
    }).toThrow(/cannot be written \(ENOSPC\)/);
    free();
    fillDisk(disk, 3 * 4096);
    pair.checkWritable();
    const next = ca.issue();
    pair.place(next.key, [next.certificate]);
    expect(readdirSync(disk).sort()).toEqual(['cert.pem', 'filler', 'key.pem', 'key.pem.old']);
  });

  test('and so is one that has room for too few files', () => {
    const disk = temporaryFolder();
    // Two that are there, and during the replacement their followers, the key from before, and a lock.
    mountDisk(disk, 64 * 1024, 6);
    const issued = ca.issue();
    const { paths } = placed(issued, issued.keyPem, disk);
    const pair = new PairFiles(paths);
    const filler = join(disk, 'filler');
    writeFileSync(filler, '');
    expect(() => {
      pair.checkWritable();
    }).toThrow(/cannot be written \(ENOSPC\)/);
    rmSync(filler);
    pair.checkWritable();
    const next = ca.issue();
    pair.place(next.key, [next.certificate]);
    expect(readdirSync(disk).sort()).toEqual(['cert.pem', 'key.pem', 'key.pem.old']);
  });
});
