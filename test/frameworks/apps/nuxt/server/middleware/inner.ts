import { countersignMiddleware } from 'countersign/nuxt'

const { INNER_URL: apiUrl, INNER_MACHINE_SECRET_KEY: machineSecretKey } = process.env
const inner = countersignMiddleware({ apiUrl, machineSecretKey })

export default defineEventHandler((event) => {
  if (event.path.startsWith('/inner/')) inner(event)
})
