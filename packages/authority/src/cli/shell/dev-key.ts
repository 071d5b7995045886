import { openInstanceKeys } from '../../app.ts'
import { localConfig, localRootKeys, openDatabase } from './local.ts'
import type { Shell } from './shell.ts'

/** The instance key of the authority that `dev` runs on a folder; `null` when it cannot be read back. */
export async function readDevKey(data: string, shell: Shell): Promise<string | null> {
  const config = localConfig({ config: undefined, data }, shell)
  const rootKeys = localRootKeys(config)
  const store = await openDatabase(config)
  try {
    const settings = { issuer: 'http://localhost', rootKeys, readBack: config.readBack }
    return await (await openInstanceKeys(settings, { store })).readBack()
  } finally {
    await store.close()
  }
}
