import { route, type RouteConfig } from '@react-router/dev/routes'

const examples = ['health', 'orders', 'refunds', 'reports']
const cases = ['public', 'machine', 'from-worker', 'any', 'session', 'whoami']

export default [
  ...examples.map((name) => route(name, `routes/${name}.ts`)),
  ...cases.map((name) => route(name, `cases/${name}.ts`)),
  route('inner/machine', 'cases/inner-machine.ts'),
] satisfies RouteConfig
