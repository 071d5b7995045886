import { type Client, type ClientOptions, createClient, isCountersignError } from 'countersign'
import * as z from 'zod'
import { readAuditLog } from './audit-tools.ts'
import { type Budget, type BudgetOptions, createBudgets } from './budget.ts'
import { foreignJson, foreignText, type JsonObject } from './foreign.ts'
import { listMachines, listScopes } from './machine-tools.ts'
import { explainToken, listTokens, mintToken, revokeToken, verifyToken } from './token-tools.ts'
import type { Access, TokenPolicy, Tool, ToolName } from './tool.ts'
import { ToolError } from './tool-error.ts'

/** What tools are made with. */
export interface AgentToolsOptions extends Pick<ClientOptions, 'apiUrl' | 'fetch' | 'timeoutMs'> {
  /** The instance key (`sk_…`): with it machines, tokens and the audit log can be read. */
  readonly secretKey?: string | undefined
  /** The key of the machine (`ak_…`) that tokens are minted as: it bounds what an agent can reach. */
  readonly machineSecretKey?: string | undefined
  /** The tools that are switched on besides those that only read. Default none. */
  readonly allow?: readonly ToolName[]
  /** What the agent is called in the audit log, unless a call says otherwise. Default `mcp`. */
  readonly agent?: string | undefined
  readonly budget?: BudgetOptions | undefined
  /** The longest life of a token that is minted, up to 86,400. Default 900. */
  readonly maxTokenSeconds?: number | undefined
  /** Default `jwt`. */
  readonly tokenFormat?: 'opaque' | 'jwt' | undefined
  /** Epoch milliseconds. */
  readonly clock?: (() => number) | undefined
}

/** A tool that is switched on. */
export type AgentTool = Pick<
  Tool,
  'name' | 'title' | 'description' | 'isWrite' | 'input' | 'output'
>

/** The tools that are switched on, for whatever brings them to a model. */
export interface AgentTools {
  readonly tools: readonly AgentTool[]
  /**
   * Checks the input, takes from the agent's budget, records the call in the audit log, and makes it.
   *
   * @param agent Whose budget it is, and who the audit log says it was. Default the option `agent`.
   * @throws {ToolError}
   */
  call(name: string, input: unknown, agent?: string): Promise<JsonObject>
}

const TOOLS: readonly Tool[] = [
  listMachines,
  listScopes,
  listTokens,
  verifyToken,
  explainToken,
  readAuditLog,
  mintToken,
  revokeToken,
]

/** Whoever comes after these gets nothing: to forget one would be to renew its budget. */
const MAX_AGENTS = 1_000

const MAX_TOKEN_SECONDS = 86_400

/** An agent, and what it may still do. */
interface Agent {
  readonly access: Access
  readonly recorder: Client
  readonly budget: Budget
}

/**
 * The tools of an authority for agents. Those that only read are on where there is a key for them; the
 * others where `allow` names them.
 *
 * @throws {TypeError} naming the option
 * @throws {CountersignError} `configuration-invalid`, naming the option
 */
export function createAgentTools(options: AgentToolsOptions): AgentTools {
  const tools = switchedOn(options)
  const tokens = tokenPolicy(options)
  const clock = options.clock ?? (() => Date.now())
  const ownName = agentName(options.agent ?? 'mcp')
  const createBudget = createBudgets(options.budget ?? {}, clock)
  const agents = new Map<string, Agent>()

  const begin = (name: string): Agent => {
    const known = agents.get(name)
    if (known !== undefined) return known
    if (agents.size >= MAX_AGENTS) {
      throw new ToolError('unavailable', 'Too many agents have used this server.')
    }
    const { owner, machine } = clientsOf(options, name)
    const recorder = owner ?? machine
    if (recorder === null) throw new TypeError('Expected secretKey or machineSecretKey.')
    const access = { owner, machine, tokens, now: clock }
    const agent = { access, recorder, budget: createBudget() }
    agents.set(name, agent)
    return agent
  }
  // What is wrong with the options is said now.
  begin(ownName)

  return Object.freeze({
    tools,

    async call(name: string, input: unknown, agent = ownName) {
      const tool = tools.find((one) => one.name === name)
      if (tool === undefined) {
        throw new ToolError('tool-not-allowed', 'There is no such tool, or it is switched off.')
      }
      const parsed = tool.input.safeParse(input ?? {})
      if (!parsed.success) {
        throw new ToolError('input-invalid', foreignText(z.prettifyError(parsed.error), 512))
      }
      const { access, recorder, budget } = begin(agentName(agent))
      budget.take(tool.isWrite)
      await record(recorder, tool, parsed.data)
      const answer = await tool.run(access, parsed.data).catch((error: unknown) => {
        throw toToolError(error)
      })
      return foreignJson(answer, tool.maxTextCharacters) as JsonObject
    },
  })
}

/** The form that the audit log takes: what does not fit is replaced. */
export function agentName(text: string): string {
  const name = text
    .slice(0, 64)
    .replace(/[^A-Za-z0-9._@/-]/g, '_')
    .replace(/^[^A-Za-z0-9]+/, '')
  return name === '' ? 'mcp' : name
}

/** What cannot be told is not done. @throws {ToolError} `call-not-recorded` */
async function record(recorder: Client, tool: Tool, input: unknown): Promise<void> {
  try {
    await recorder.auditLog.recordAgentCall({ tool: tool.name, ...tool.intent(input) })
  } catch (cause) {
    const { message, retryAfterSeconds } = toToolError(cause)
    throw new ToolError(
      'call-not-recorded',
      `The call could not be recorded in the audit log, and was not made. ${message}`,
      { cause, ...(retryAfterSeconds !== null && { retryAfterSeconds }) },
    )
  }
}

/** A model is told what it can act on; the rest is for whoever runs it, as the cause. */
function toToolError(error: unknown): ToolError {
  if (error instanceof ToolError) return error
  if (!isCountersignError(error)) {
    return new ToolError('failed', 'Something went wrong. Tell the person you work for.', {
      cause: error,
    })
  }
  const { status = 0, errors, retryAfter: retryAfterSeconds, code } = error
  const isSilent = code === 'authority-unreachable' || status === 429 || status >= 500
  if (isSilent) {
    const message = 'The authority does not answer now. Try again later.'
    return new ToolError('unavailable', message, { cause: error, retryAfterSeconds })
  }
  const [said] = errors
  if (code === 'request-refused' && said !== undefined) {
    const message = `The authority refuses: ${foreignText(said.longMessage)} (${foreignText(said.code, 64)})`
    return new ToolError('refused', message, { cause: error })
  }
  return new ToolError('failed', `It cannot be done: ${code}.`, { cause: error })
}

/** @throws {TypeError} */
function switchedOn(options: AgentToolsOptions): readonly Tool[] {
  const { allow = [] } = options
  const has = {
    owner: Boolean(options.secretKey),
    machine: Boolean(options.machineSecretKey),
    either: Boolean(options.secretKey) || Boolean(options.machineSecretKey),
  }
  for (const name of allow) {
    const tool = TOOLS.find((one) => one.name === name)
    if (tool?.isWrite !== true) {
      const names = TOOLS.filter(({ isWrite }) => isWrite).map((one) => one.name)
      throw new TypeError(`Expected allow to name some of ${names.join(', ')}.`)
    }
    if (!has[tool.needs]) {
      const key = tool.needs === 'machine' ? 'machineSecretKey' : 'secretKey or machineSecretKey'
      throw new TypeError(`Expected ${key} to be set, which ${name} needs.`)
    }
  }
  return TOOLS.filter(({ name, isWrite, needs }) => (isWrite ? allow.includes(name) : has[needs]))
}

/** @throws {TypeError} */
function tokenPolicy({
  maxTokenSeconds = 900,
  tokenFormat = 'jwt',
}: AgentToolsOptions): TokenPolicy {
  const isBounded =
    Number.isInteger(maxTokenSeconds) &&
    maxTokenSeconds >= 10 &&
    maxTokenSeconds <= MAX_TOKEN_SECONDS
  if (!isBounded) throw new TypeError('Expected maxTokenSeconds to be from 10 to 86,400.')
  return { maxSeconds: maxTokenSeconds, format: tokenFormat }
}

/** Each with one key: with both, a client would act as the machine where the owner is meant. */
function clientsOf(
  { apiUrl, fetch, timeoutMs, clock, secretKey, machineSecretKey }: AgentToolsOptions,
  agent: string,
): Pick<Access, 'owner' | 'machine'> {
  const options = {
    apiUrl,
    agent,
    ...(fetch !== undefined && { fetch }),
    ...(timeoutMs !== undefined && { timeoutMs }),
    ...(clock !== undefined && { clock }),
  }
  return {
    owner: secretKey ? createClient({ ...options, secretKey }) : null,
    machine: machineSecretKey ? createClient({ ...options, machineSecretKey }) : null,
  }
}
