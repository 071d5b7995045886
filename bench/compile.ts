import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

const HERE = fileURLToPath(new URL('.', import.meta.url))

const OUT = join(HERE, 'dist')

/** Starts a contestant's server, once it is compiled. */
export const LAUNCHER: string = join(OUT, 'servers', 'launcher.js')

/**
 * Compiles this folder into `dist`, so that a contestant's process is plain Node: the TypeScript loader
 * would add its compiler to every one's memory.
 */
export async function compileServers(): Promise<void> {
  await rm(OUT, { recursive: true, force: true })
  const files = ['authority.ts', ...(await readdir(join(HERE, 'servers'))).map(inServers)]
  await Promise.all(files.map((file) => compile(join(HERE, file))))
}

function inServers(name: string): string {
  return join('servers', name)
}

async function compile(path: string): Promise<void> {
  const { outputText } = ts.transpileModule(await readFile(path, 'utf8'), {
    fileName: path,
    compilerOptions: {
      target: ts.ScriptTarget.ES2023,
      module: ts.ModuleKind.ESNext,
      verbatimModuleSyntax: true,
      rewriteRelativeImportExtensions: true,
    },
  })
  const out = join(OUT, relative(HERE, path)).replace(/\.ts$/, '.js')
  await mkdir(dirname(out), { recursive: true })
  await writeFile(out, outputText)
}
