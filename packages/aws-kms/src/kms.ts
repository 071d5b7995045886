import {
  CreateKeyCommand,
  GetPublicKeyCommand,
  KMSClient,
  type KMSClientConfig,
  type KeySpec,
  SignCommand,
  type SigningAlgorithmSpec,
} from '@aws-sdk/client-kms'
import { setTimeout as wait } from 'node:timers/promises'
import { AwsKmsError, type AwsKmsErrorCode } from './aws-kms-error.ts'

export interface KmsOptions {
  readonly client: KMSClient | undefined
  readonly credentials: KMSClientConfig['credentials'] | undefined
  readonly region: string | undefined
  readonly endpoint: string | undefined
  readonly deadlineMs: number
  readonly maxAttempts: number
}

/** A signature to be made. */
export interface KmsSigning {
  readonly keyArn: string
  readonly algorithm: SigningAlgorithmSpec
  readonly messageType: 'DIGEST' | 'RAW'
  readonly message: Uint8Array
}

/** The three requests that a vault makes, each within the deadline. They throw {@link AwsKmsError}. */
export interface Kms {
  /** Makes a key for signatures. @returns what KMS says is its ARN. */
  createKey(
    spec: KeySpec,
    description: string,
    tags: Readonly<Record<string, string>>,
  ): Promise<string>
  /** The SubjectPublicKeyInfo of a key that may have been made a moment ago. */
  publicKey(keyArn: string): Promise<Uint8Array>
  sign(signing: KmsSigning): Promise<Uint8Array>
}

/** One attempt may take this part of the deadline, so that there is time for another. */
const ATTEMPTS_IN_DEADLINE = 3

/** KMS is eventually consistent: for some seconds a key may not be everywhere. */
const SETTLE_MS = [100, 200, 400, 800, 1600]

export function createKms(options: KmsOptions): Kms {
  const { client, credentials, region, endpoint, deadlineMs, maxAttempts } = options
  const attemptMs = Math.ceil(deadlineMs / ATTEMPTS_IN_DEADLINE)
  const kms =
    client ??
    new KMSClient({
      ...(credentials !== undefined && { credentials }),
      ...(region !== undefined && { region }),
      ...(endpoint !== undefined && { endpoint }),
      maxAttempts,
      requestHandler: {
        connectionTimeout: attemptMs,
        requestTimeout: attemptMs,
        throwOnRequestTimeout: true,
      },
    })

  const within = async <Answer>(
    operation: string,
    request: (limits: { readonly abortSignal: AbortSignal }) => Promise<Answer>,
  ): Promise<Answer> => {
    const abort = new AbortController()
    let timer: NodeJS.Timeout | undefined
    // The provider of credentials heeds no signal, so the deadline is also kept here.
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        const what = `AWS KMS ${operation} did not answer within ${deadlineMs} ms.`
        reject(new AwsKmsError('kms-unavailable', what))
        abort.abort()
      }, deadlineMs)
    })
    try {
      return await Promise.race([request({ abortSignal: abort.signal }), late])
    } catch (thrown) {
      throw explained(operation, thrown)
    } finally {
      clearTimeout(timer)
    }
  }

  const publicKey = async (keyArn: string): Promise<Uint8Array> => {
    const command = new GetPublicKeyCommand({ KeyId: keyArn })
    const answer = await within('GetPublicKey', (limits) => kms.send(command, limits))
    // An endpoint that answers for another key would have it published.
    if (answer.KeyId !== keyArn) throw unexpected('GetPublicKey')
    return bytes('GetPublicKey', answer.PublicKey)
  }

  return Object.freeze({
    async createKey(spec, description, tags) {
      const command = new CreateKeyCommand({
        KeySpec: spec,
        KeyUsage: 'SIGN_VERIFY',
        Description: description,
        Tags: Object.entries(tags).map(([TagKey, TagValue]) => ({ TagKey, TagValue })),
      })
      const { KeyMetadata } = await within('CreateKey', (limits) => kms.send(command, limits))
      if (KeyMetadata?.Arn === undefined || KeyMetadata.KeySpec !== spec) {
        throw unexpected('CreateKey')
      }
      return KeyMetadata.Arn
    },

    async publicKey(keyArn) {
      for (const settleMs of SETTLE_MS) {
        try {
          return await publicKey(keyArn)
        } catch (error) {
          if (!(error instanceof AwsKmsError) || error.code !== 'signing-key-missing') throw error
        }
        await wait(settleMs)
      }
      return await publicKey(keyArn)
    },

    async sign({ keyArn, algorithm, messageType, message }) {
      const command = new SignCommand({
        KeyId: keyArn,
        SigningAlgorithm: algorithm,
        MessageType: messageType,
        Message: message,
      })
      const answer = await within('Sign', (limits) => kms.send(command, limits))
      return bytes('Sign', answer.Signature)
    },
  } satisfies Kms)
}

function bytes(operation: string, value: Uint8Array | undefined): Uint8Array {
  if (value === undefined || value.length === 0) throw unexpected(operation)
  return value
}

function unexpected(operation: string): AwsKmsError {
  const what = `AWS KMS ${operation} gave an answer that is not the one it promises.`
  return new AwsKmsError('kms-answer-unexpected', what)
}

/** By the name of the exception. What is not here is judged by its HTTP status. */
const CODES: ReadonlyMap<string, AwsKmsErrorCode> = new Map<string, AwsKmsErrorCode>([
  ['NotFoundException', 'signing-key-missing'],
  ['DisabledException', 'signing-key-missing'],
  ['KMSInvalidStateException', 'signing-key-missing'],
  ['AccessDeniedException', 'kms-denied'],
  ['CredentialsProviderError', 'kms-denied'],
  ['ExpiredTokenException', 'kms-denied'],
  ['IncompleteSignature', 'kms-denied'],
  ['IncompleteSignatureException', 'kms-denied'],
  ['InvalidClientTokenId', 'kms-denied'],
  ['InvalidSignatureException', 'kms-denied'],
  ['MissingAuthenticationToken', 'kms-denied'],
  ['MissingAuthenticationTokenException', 'kms-denied'],
  ['OptInRequired', 'kms-denied'],
  ['SignatureDoesNotMatch', 'kms-denied'],
  ['UnrecognizedClientException', 'kms-denied'],
  ['KeyUnavailableException', 'kms-unavailable'],
  ['ThrottlingException', 'kms-unavailable'],
  ['Throttling', 'kms-unavailable'],
  ['TooManyRequestsException', 'kms-unavailable'],
  ['RequestLimitExceeded', 'kms-unavailable'],
  ['SyntaxError', 'kms-answer-unexpected'],
])

interface Thrown {
  readonly name?: unknown
  readonly code?: unknown
  readonly $metadata?: { readonly httpStatusCode?: unknown; readonly requestId?: unknown }
}

/** Names, numbers and ids only: see {@link AwsKmsError}. */
function explained(operation: string, thrown: unknown): AwsKmsError {
  if (thrown instanceof AwsKmsError) return thrown
  const {
    name,
    code,
    $metadata = {},
  }: Thrown = typeof thrown === 'object' && thrown !== null ? thrown : {}
  const exception = word(name) ?? 'unknown error'
  // Of a connection that failed, Node's code says more than the name.
  const reason = exception === 'Error' ? (word(code) ?? exception) : exception
  const status = typeof $metadata.httpStatusCode === 'number' ? $metadata.httpStatusCode : null
  const requestId = word($metadata.requestId)
  const details = [
    reason,
    ...(status === null ? [] : [`HTTP ${status}`]),
    ...(requestId === null ? [] : [`request id ${requestId}`]),
  ]
  const kind = CODES.get(exception) ?? (isClientFault(status) ? 'kms-refused' : 'kms-unavailable')
  return new AwsKmsError(kind, `AWS KMS ${operation} failed: ${details.join(', ')}.`, requestId)
}

function isClientFault(status: number | null): boolean {
  return status !== null && status >= 400 && status < 500 && status !== 429
}

/** `null` for what is no plain word: it came from outside, and goes into a log. */
function word(value: unknown): string | null {
  return typeof value === 'string' && /^[A-Za-z0-9_.-]{1,80}$/.test(value) ? value : null
}
