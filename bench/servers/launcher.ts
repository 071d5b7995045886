import type { FromServer, ServerModule, Started, ToServer } from './protocol.ts'

// The one way in which every contestant is started: `launcher.ts <module> <options as JSON>`. Runs compiled.

const [module = '', options = '{}'] = process.argv.slice(2)
const { start } = (await import(`./${module}.js`)) as ServerModule
const started = await start(JSON.parse(options) as never)

const handlers: Readonly<Record<ToServer['type'], (started: Started) => Promise<void>>> = {
  async report({ settle }) {
    await settle?.()
    const { user, system } = process.cpuUsage()
    say({ type: 'usage', cpuMicros: user + system, rssBytes: process.memoryUsage.rss() })
  },
  async stop({ stop }) {
    await stop()
    process.exit()
  },
}

process.on('message', (message: ToServer) => {
  void handlers[message.type](started)
})
process.on('disconnect', () => process.exit())
say({ type: 'ready', port: started.port, facts: started.facts })

function say(message: FromServer): void {
  process.send?.(message)
}
