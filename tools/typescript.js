// Lets plain Node run our TypeScript from source, with no build and no dependency but the compiler:
//
//   node --import ./tools/typescript.js --conditions=source tools/check-layers.ts
//
// `--conditions=source` makes `countersign` and `@countersign/authority` resolve to their `src`. Types
// are stripped, not checked. Node runs this file twice: in the main thread, where it registers itself,
// and in the thread of the module hooks, where its `load` is called.
import { readFile } from 'node:fs/promises'
import { register } from 'node:module'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

const HOOKS = '?hooks'

if (!import.meta.url.endsWith(HOOKS)) {
  process.setSourceMapsEnabled(true)
  register(import.meta.url + HOOKS)
}

/** @type {import('node:module').LoadHook} */
export async function load(url, context, nextLoad) {
  if (!url.startsWith('file:') || !url.endsWith('.ts')) return nextLoad(url, context)
  const path = fileURLToPath(url)
  const { outputText } = ts.transpileModule(await readFile(path, 'utf8'), {
    fileName: path,
    compilerOptions: {
      target: ts.ScriptTarget.ES2023,
      module: ts.ModuleKind.ESNext,
      verbatimModuleSyntax: true,
      inlineSourceMap: true,
    },
  })
  return { format: 'module', source: outputText, shortCircuit: true }
}
