import type { TokenSource } from 'countersign'

/** Any client that takes headers: of gRPC, of a queue, of a WebSocket. */
interface OwnClient {
  call(method: string, headers: { authorization: string }): Promise<{ isUnauthenticated: boolean }>
}

export async function callWithToken(client: OwnClient, source: TokenSource): Promise<void> {
  for (let tries = 0; tries < 2; tries++) {
    const token = await source.getToken({ signal: AbortSignal.timeout(5_000) })
    const answer = await client.call('List', { authorization: `Bearer ${token}` })
    if (!answer.isUnauthenticated) return
    source.invalidate(token)
  }
  throw new Error('The receiver refuses our tokens.')
}
