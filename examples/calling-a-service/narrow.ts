import type { Client, TokenSource } from 'countersign'

export const forOneReceiver = (countersign: Client, ordersMachineId: string): TokenSource =>
  countersign.tokenSource({
    tokenFormat: 'jwt',
    scopes: [ordersMachineId],
    claims: { job: 'nightly-export' },
    secondsUntilExpiration: 300,
    origins: ['https://orders.internal'],
  })
