/** Why there is no key or no signature. The first three mean what the authority's own vaults mean by them. */
export type AwsKmsErrorCode =
  /** The key was made by another kind of vault. */
  | 'signing-key-elsewhere'
  /** The handle was changed or moved to another key in the database, or does not open. */
  | 'signing-key-altered'
  /** KMS has no such key in this account and region, or it is disabled or about to be deleted. */
  | 'signing-key-missing'
  /** KMS, or the provider of the credentials, did not let the caller in. */
  | 'kms-denied'
  /** Throttled, out of reach, too slow or failing: it may pass. */
  | 'kms-unavailable'
  /** KMS refuses the request: a limit of the account, a region without this kind of key. */
  | 'kms-refused'
  /** What answered is not what KMS promises. It was not used. */
  | 'kms-answer-unexpected'
  /** KMS signs at most 4096 bytes with Ed25519, which cannot be hashed here first. */
  | 'data-too-long'

/**
 * Thrown by each method of the vault. Branch on `code`.
 *
 * It has no `cause`, on purpose: to a wrong signature AWS answers with the whole request as it should
 * have been signed, session token included, and this error is logged.
 */
export class AwsKmsError extends Error {
  readonly code: AwsKmsErrorCode
  /** Finds the request in CloudTrail; `null` when KMS gave none. */
  readonly requestId: string | null

  constructor(code: AwsKmsErrorCode, message: string, requestId: string | null = null) {
    super(message)
    this.name = 'AwsKmsError'
    this.code = code
    this.requestId = requestId
  }
}
