import { type RunningServer, type ServerOptions, startServer } from '../../node.ts'
import { CommandError } from './failure.ts'

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'is in use by another program',
  EACCES: 'may not be taken by this user',
  EADDRNOTAVAIL: 'is no address of this machine',
  ENOTFOUND: 'is no address of this machine',
}

/** Starts a server. @throws {CommandError} `address-unavailable` */
export async function listen(options: ServerOptions): Promise<RunningServer> {
  try {
    return await startServer(options)
  } catch (error) {
    const reason = REASONS[errorCode(error)]
    if (reason === undefined) throw error
    const message = `${options.host}:${options.port} ${reason}.`
    throw new CommandError('address-unavailable', message, { cause: error })
  }
}

function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}
