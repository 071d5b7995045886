/** What is wrong with a signing key, or with the place it is kept in. */
export type VaultErrorCode =
  /** It was made by another kind of vault than the one that is set. */
  | 'signing-key-elsewhere'
  /** The vault of the right kind does not hold it. */
  | 'signing-key-missing'
  /** What is there is not the key that was published, or its handle was changed or moved. */
  | 'signing-key-altered'
  /** Others on this machine could read the key, or put another in its place. */
  | 'key-folder-unsafe'
  /** The folder or a file in it cannot be made, written or read. */
  | 'key-folder-unusable'

/** Thrown by a vault that does not sign. Names the key, never what is in it. */
export class VaultError extends Error {
  readonly code: VaultErrorCode

  constructor(code: VaultErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'VaultError'
    this.code = code
  }
}
