import { route, type RouteConfig } from '@react-router/dev/routes'

export default [
  route('health', 'routes/health.ts'),
  route('orders', 'routes/orders.ts'),
  route('refunds', 'routes/refunds.ts'),
  route('reports', 'routes/reports.ts'),
] satisfies RouteConfig
