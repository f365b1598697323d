import { execFileSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { textIn } from '../../src/cli/text-file.js'

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'switchgear-text-'))
  onTestFinished(() => rmSync(made, { recursive: true }))
  return made
}

const read = (file: string, at: string) => textIn(file, '--token-file', 'a token', { folder: at })

describe('the file of a flag', () => {
  it('is read, below the folder of the command', async () => {
    const at = folder()
    writeFileSync(join(at, 'token'), 'one\n')
    expect(await read('token', at)).toBe('one\n')
  })

  it('cannot be read, and why is said', async () => {
    const at = folder()
    writeFileSync(join(at, 'long'), Buffer.alloc(1_024 * 1_024 + 1))
    const said = (why: string) => `--token-file ${why}; give a token`
    await expect(read('none', at)).rejects.toThrow(
      said('none cannot be read: there is no such file'),
    )
    await expect(read('.', at)).rejects.toThrow(said('. cannot be read: it is a folder'))
    await expect(read('long', at)).rejects.toThrow(
      said('long cannot be read: it is longer than 1 MiB'),
    )
  })

  it.runIf(process.platform !== 'win32')('is a pipe, and nobody waits for it', async () => {
    const at = folder()
    execFileSync('mkfifo', [join(at, 'pipe')])
    await expect(read('pipe', at)).rejects.toThrow('pipe cannot be read: it is no regular file')
  })

  it.runIf(process.platform !== 'win32' && process.getuid?.() !== 0)(
    'is not for this user',
    async () => {
      const at = folder()
      writeFileSync(join(at, 'shut'), 'x')
      chmodSync(join(at, 'shut'), 0)
      await expect(read('shut', at)).rejects.toThrow('this user may not read it')
    },
  )
})
