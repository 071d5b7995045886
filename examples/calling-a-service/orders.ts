import process from 'node:process'
import { createTokenSource } from 'countersign'

const ORDERS_URL = process.env['ORDERS_URL'] ?? 'https://orders.internal'

const orders = createTokenSource({
  apiUrl: process.env['COUNTERSIGN_URL'] ?? 'http://127.0.0.1:4100',
  machineSecretKey: process.env['COUNTERSIGN_MACHINE_SECRET_KEY'],
  origins: [ORDERS_URL],
})

export async function getOrder(id: string): Promise<unknown> {
  const response = await orders.fetch(`${ORDERS_URL}/orders/${encodeURIComponent(id)}`)
  if (!response.ok) throw new Error(`orders answered ${response.status}`)
  return response.json()
}
