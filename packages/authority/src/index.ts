/** `@countersign/authority`: a machine-identity authority that runs wherever Node does. */
export {
  type Authority,
  type AuthorityConfig,
  type AuthorityPorts,
  createAuthority,
  initializeInstance,
  InstanceMissingError,
  openInstanceKeys,
  openRootKeyRotation,
} from './app.ts'
export type { DataKeys, Sealer } from './domain/data-keys.ts'
export { AuthorityError, type ErrorCode } from './domain/errors.ts'
export type { IdSource } from './domain/id-source.ts'
export type { InstanceKeys } from './domain/instance-keys.ts'
export type {
  Clock,
  Command,
  KeyVault,
  Log,
  LogFields,
  Outcome,
  Random,
  Store,
  VaultKey,
} from './domain/ports.ts'
export type { Algorithm, Environment, PublicJwk } from './domain/records.ts'
export { createRootKey, parseRootKeys, type RootKey, RootKeyError } from './domain/root-key.ts'
export type { Resealed, RootKeyRotation } from './domain/root-key-rotation.ts'
export { type RunningServer, type ServerOptions, startServer } from './node.ts'
export { SigningKeyError } from './domain/signing-keys.ts'
export { VaultError, type VaultErrorCode } from './domain/vault-error.ts'
export { createMemoryStore } from './storage/memory/memory-store.ts'
export { SchemaError } from './storage/sqlite/schema.ts'
export { openSqliteStore, type SqliteStoreOptions } from './storage/sqlite/sqlite-store.ts'
export { createFileVault, type FileVaultOptions } from './vault/file-vault.ts'
