import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import ts from 'typescript'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { installSdk } from '../runtimes/runtimes.ts'

/** The declarations of the built package, as a project reads them that has no types of Node. */

const SOURCE = `
import { createClient, type Client } from 'countersign'
import { createTestAuthority, type TestAuthority } from 'countersign/testing'
import { parseId } from 'countersign/token'
import { createVerifier, type Verifier } from 'countersign/verify'
import { requireMachine } from 'countersign/workers'

export async function use(): Promise<string> {
  const authority: TestAuthority = await createTestAuthority()
  await authority[Symbol.asyncDispose]()
  return authority.apiUrl
}
export const client = (apiUrl: string): Client => createClient({ apiUrl })
export const verifier = (issuer: string): Verifier => createVerifier({ issuer, audience: null })
export const rest: readonly unknown[] = [parseId, requireMachine]
`

const OPTIONS: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  types: [],
  strict: true,
  exactOptionalPropertyTypes: true,
  skipLibCheck: false,
  noEmit: true,
}

let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'countersign-consumer-'))
  await installSdk(folder)
  await writeFile(join(folder, 'package.json'), JSON.stringify({ type: 'module' }))
  await writeFile(join(folder, 'use.ts'), SOURCE)
})

afterAll(() => rm(folder, { recursive: true }))

// `Request` and its like are of the platform, and whoever has a platform has one of these.
test.each(['lib.dom.d.ts', 'lib.webworker.d.ts'])(
  'compile with the library of 2022 and %s, themselves included',
  { timeout: 60_000 },
  (platform) => {
    const lib = ['lib.es2022.d.ts', platform]
    const program = ts.createProgram([join(folder, 'use.ts')], { ...OPTIONS, lib })
    const problems = ts.getPreEmitDiagnostics(program).map(({ file, messageText }) => {
      const text = ts.flattenDiagnosticMessageText(messageText, ' ')
      return `${file?.fileName.slice(folder.length) ?? ''}: ${text}`
    })
    expect(problems).toEqual([])
  },
)
