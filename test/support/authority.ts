import {
  type Clock,
  createAuthority,
  createMemoryStore,
  createRootKey,
  initializeInstance,
  type Log,
  type LogFields,
  openSqliteStore,
  startServer,
  type Store,
} from '@countersign/authority'

/** An authority behind a socket on a free port, and how to reach and end it. */
export interface TestAuthority extends AsyncDisposable {
  readonly url: string
  readonly instanceId: string
  readonly secretKey: string
  readonly store: Store
  readonly log: CapturedLog
  /** Does what is due now, instead of waiting for the server's own beat. */
  tick(): Promise<void>
  /** Takes the storage away from under the authority, which goes on. */
  closeStore(): Promise<void>
  close(): Promise<void>
}

export interface TestAuthorityOptions {
  /** `memory`, or the path of an SQLite file. Default: SQLite in memory. */
  readonly storage?: string
  /** Appended to the issuer, as a path under which the authority is reached. */
  readonly path?: string
  /** Where callers reach it, when something stands before its socket; without `path`. */
  readonly publicUrl?: string
  readonly clock?: Clock
  readonly readBack?: boolean
  readonly jwtAlgorithm?: 'RS256' | 'ES256' | 'EdDSA'
  readonly environment?: 'test' | 'live'
  readonly webhooksAllowPrivate?: boolean
  readonly leakedMachineSecrets?: 'report' | 'revoke'
}

/** What an authority logged, one text a line. */
export interface CapturedLog extends Log {
  readonly lines: readonly string[]
}

/** The root key of every test authority. */
export const TEST_ROOT_KEY = createRootKey(new Uint8Array(32).fill(7))

/** Starts the real authority, on real storage, behind a real socket. */
export async function startTestAuthority(
  options: TestAuthorityOptions = {},
): Promise<TestAuthority> {
  const { storage = ':memory:', path = '', clock, readBack = true } = options
  const store =
    storage === 'memory'
      ? createMemoryStore()
      : await openSqliteStore({ file: storage, migrate: true })
  const log = captureLog()
  const ports = { store, log, ...(clock !== undefined && { clock }) }
  const rootKeys = [TEST_ROOT_KEY]
  const founded = await initializeInstance(
    { rootKeys, readBack, environment: options.environment ?? 'test' },
    ports,
  )
  const server = await startServer({
    host: '127.0.0.1',
    port: 0,
    log,
    open: (url) =>
      createAuthority(
        {
          issuer: (options.publicUrl ?? url) + path,
          rootKeys,
          readBack,
          jwtAlgorithm: options.jwtAlgorithm ?? 'RS256',
          webhooksAllowPrivate: options.webhooksAllowPrivate ?? false,
          leakedMachineSecrets: options.leakedMachineSecrets ?? 'report',
        },
        ports,
      ),
  })
  let storeIsOpen = true
  const closeStore = async (): Promise<void> => {
    if (storeIsOpen) await store.close()
    storeIsOpen = false
  }
  const close = async (): Promise<void> => {
    await server.close()
    await closeStore()
  }
  return {
    url: server.url + path,
    instanceId: server.authority.instanceId,
    secretKey: founded?.secretKey ?? '',
    store,
    log,
    tick: () => server.authority.tick(),
    closeStore,
    close,
    [Symbol.asyncDispose]: close,
  }
}

export function captureLog(): CapturedLog {
  const lines: string[] = []
  const write = (level: string, event: string, fields?: LogFields, error?: unknown): void => {
    const stack = error instanceof Error ? (error.stack ?? error.message) : ''
    lines.push([level, event, JSON.stringify(fields ?? {}), stack].join(' '))
  }
  return {
    lines,
    info: (event, fields) => {
      write('info', event, fields)
    },
    warn: (event, fields) => {
      write('warn', event, fields)
    },
    error: (event, fields, error) => {
      write('error', event, fields, error)
    },
  }
}

/** One request with a JSON body, as any HTTP client would send it. */
export async function call(
  authority: Pick<TestAuthority, 'url'>,
  method: string,
  path: string,
  secret?: string,
  body?: unknown,
): Promise<{ readonly status: number; readonly body: Readonly<Record<string, unknown>> }> {
  const response = await fetch(authority.url + path, {
    method,
    headers: {
      'content-type': 'application/json',
      ...(secret !== undefined && { authorization: `Bearer ${secret}` }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  return {
    status: response.status,
    body: (text === '' ? {} : JSON.parse(text)) as Record<string, unknown>,
  }
}
