import { countersignMiddleware } from 'countersign/astro'
import { defineMiddleware, sequence } from 'astro:middleware'

const { INNER_URL: apiUrl, INNER_MACHINE_SECRET_KEY: machineSecretKey } = process.env
const inner = countersignMiddleware({ apiUrl, machineSecretKey })

export const onRequest = sequence(
  countersignMiddleware(),
  defineMiddleware((context, next) =>
    context.url.pathname.startsWith('/inner/') ? inner(context, next) : next(),
  ),
)
