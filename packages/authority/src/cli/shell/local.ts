import { existsSync } from 'node:fs'
import type { AuthorityConfig, AuthorityPorts } from '../../app.ts'
import { type Config, loadConfig, readRootKeyFile } from '../../config.ts'
import type { Store } from '../../domain/ports.ts'
import type { RootKey } from '../../domain/root-key.ts'
import { SchemaError } from '../../storage/sqlite/schema.ts'
import { openSqliteStore } from '../../storage/sqlite/sqlite-store.ts'
import { createFileVault } from '../../vault/file-vault.ts'
import { type Flag, textFlag } from './command.ts'
import { dataFolder } from './data-folder.ts'
import { CommandError } from './failure.ts'
import type { Shell } from './shell.ts'

/** For commands that work on a database of this machine. */
export const LOCAL_FLAGS: {
  readonly config: Flag<string | undefined>
  readonly data: Flag<string | undefined>
} = {
  config: textFlag('FILE', 'A JSON file of settings. Default: COUNTERSIGN_CONFIG, else none.'),
  data: textFlag('DIR', 'The data folder. Default: COUNTERSIGN_DATA, else .countersign.'),
}

export interface LocalInput {
  readonly config: string | undefined
  readonly data: string | undefined
}

/** @throws {ConfigError} */
export function localConfig(
  input: LocalInput,
  shell: Shell,
  require: readonly ('issuer' | 'rootKey')[] = [],
): Config {
  return loadConfig({
    env: shell.env,
    file: input.config,
    options: input.data === undefined ? {} : { dataDir: input.data },
    require,
  })
}

/** Opens the database that is there. @throws {CommandError} `instance-missing` when none is. */
export async function openDatabase(config: Config, migrate = false): Promise<Store> {
  if (!existsSync(config.databaseFile)) {
    throw new CommandError('instance-missing', `There is no database at ${config.databaseFile}.`)
  }
  return openStore(config.databaseFile, migrate)
}

/**
 * Opens a database, and makes it where it may migrate.
 *
 * @throws {SchemaError}
 * @throws {CommandError} `database-unusable` when SQLite cannot work with the file.
 */
export async function openStore(file: string, migrate: boolean): Promise<Store> {
  try {
    return await openSqliteStore({ file, migrate })
  } catch (error) {
    if (error instanceof SchemaError) throw error
    const reason = error instanceof Error ? error.message : 'unknown reason'
    throw new CommandError('database-unusable', `${file} cannot be used: ${reason}.`, {
      cause: error,
    })
  }
}

/** What the configuration says of where private keys live, for {@link AuthorityPorts}. */
export function vaultPort({ keyVaultDir }: Config): Pick<AuthorityPorts, 'createVault'> {
  if (keyVaultDir === null) return {}
  return { createVault: () => createFileVault({ directory: keyVaultDir }) }
}

/** The configured root keys, else that of a folder made by `dev`. @throws {CommandError} `root-key-missing` */
export function localRootKeys(config: Config): readonly RootKey[] {
  if (config.rootKeys.length > 0) return config.rootKeys
  const { rootKeyFile } = dataFolder(config.dataDir)
  if (existsSync(rootKeyFile)) return readRootKeyFile(rootKeyFile)
  throw new CommandError(
    'root-key-missing',
    'Neither COUNTERSIGN_ROOT_KEY nor COUNTERSIGN_ROOT_KEY_FILE is set.',
    { remedy: 'Set one to the root key that the database was made with.' },
  )
}

/** Works on the instance in the configured database, beside an authority that may be running. */
export async function withInstance<Result>(
  input: LocalInput,
  shell: Shell,
  use: (config: AuthorityConfig, ports: AuthorityPorts) => Promise<Result>,
): Promise<Result> {
  const config = localConfig(input, shell)
  const rootKeys = localRootKeys(config)
  const store = await openDatabase(config)
  try {
    // No token is made here, so any issuer will do.
    const issuer = config.issuer ?? 'http://localhost'
    return await use({ issuer, rootKeys, readBack: config.readBack }, { store })
  } finally {
    await store.close()
  }
}
