import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

/** Who may call, and the secret that they sign with. */
export interface Credentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string
}

/** What a signature was made for. */
export interface Signed {
  readonly accessKeyId: string
  readonly region: string
}

/** How far the clock of a caller may be off. */
const MAX_SKEW_MS = 5 * 60_000

/** Headers that a request must not be without, or it could be sent elsewhere or as another operation. */
const MUST_BE_SIGNED = ['host', 'x-amz-date', 'x-amz-target']

/**
 * Checks AWS Signature Version 4 by making it anew from the request as it arrived and the secret.
 *
 * @returns the name of the exception that AWS answers with when it does not hold.
 */
export function checkSignature(
  incoming: IncomingMessage,
  body: Uint8Array,
  credentials: readonly Credentials[],
): Signed | string {
  const parts =
    /^AWS4-HMAC-SHA256 Credential=(\w+)\/(\d{8})\/([a-z0-9-]+)\/kms\/aws4_request, SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})$/.exec(
      incoming.headers.authorization ?? '',
    )
  if (parts === null) return 'MissingAuthenticationTokenException'
  const [, accessKeyId = '', day = '', region = '', names = '', signature = ''] = parts
  const caller = credentials.find((each) => each.accessKeyId === accessKeyId)
  if (caller === undefined) return 'UnrecognizedClientException'
  const time = headerOf(incoming, 'x-amz-date')
  const signedHeaders = names.split(';')
  if (MUST_BE_SIGNED.some((name) => !signedHeaders.includes(name)) || !time.startsWith(day)) {
    return 'IncompleteSignatureException'
  }
  if (headerOf(incoming, 'x-amz-security-token') !== (caller.sessionToken ?? '')) {
    return 'UnrecognizedClientException'
  }
  const { pathname, search } = new URL(incoming.url ?? '/', 'http://kms')
  const canonical = [
    incoming.method,
    pathname,
    search.slice(1),
    ...signedHeaders.map((name) => `${name}:${headerOf(incoming, name)}`),
    '',
    names,
    sha256(body),
  ].join('\n')
  const scope = `${day}/${region}/kms/aws4_request`
  const text = ['AWS4-HMAC-SHA256', time, scope, sha256(canonical)].join('\n')
  const key = [day, region, 'kms', 'aws4_request'].reduce(
    (secret: string | Buffer, part) => hmac(secret, part),
    `AWS4${caller.secretAccessKey}`,
  )
  if (!timingSafeEqual(hmac(key, text), Buffer.from(signature, 'hex'))) {
    return 'InvalidSignatureException'
  }
  return Math.abs(Date.now() - parseTime(time)) > MAX_SKEW_MS
    ? 'InvalidSignatureException'
    : { accessKeyId, region }
}

function headerOf({ headers }: IncomingMessage, name: string): string {
  return String(headers[name] ?? '')
    .trim()
    .replace(/ +/g, ' ')
}

function parseTime(text: string): number {
  return Date.parse(text.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'))
}

function sha256(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex')
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}
