/** `@countersign/aws-kms`: signing keys that never leave AWS KMS. */
export { AwsKmsError, type AwsKmsErrorCode } from './aws-kms-error.ts'
export { type AwsKmsVaultOptions, createAwsKmsVault } from './aws-kms-vault.ts'
