/** `countersign/token`: the forms of ids, credentials and tokens. Pure: no I/O, no clock. */
export {
  type Credential,
  CREDENTIAL_SECRET_BYTES,
  type CredentialKind,
  type CredentialParts,
  formatCredential,
  parseCredential,
} from './credential.ts'
export { checksum } from './checksum.ts'
export { createId, formatId, idBytes, type IdKind, isId, parseId } from './ids.ts'
export { RESERVED_CLAIMS } from './reserved-claims.ts'
