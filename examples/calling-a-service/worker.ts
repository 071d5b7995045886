import { createTokenSource, type TokenSource } from 'countersign'
import { kvStore } from './stores.ts'

interface Env {
  readonly COUNTERSIGN_URL: string
  readonly COUNTERSIGN_MACHINE_SECRET_KEY: string
  readonly ORDERS_URL: string
  readonly TOKENS: Parameters<typeof kvStore>[0]
}

let orders: TokenSource | undefined

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    orders ??= createTokenSource({
      apiUrl: env.COUNTERSIGN_URL,
      machineSecretKey: env.COUNTERSIGN_MACHINE_SECRET_KEY,
      origins: [env.ORDERS_URL],
      store: kvStore(env.TOKENS),
    })
    return orders.fetch(`${env.ORDERS_URL}/orders`, { signal: request.signal })
  },
}
