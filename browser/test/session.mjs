// A session on a page, with its service: what every test of the module starts with.
import { openPage, startService } from './service.mjs'

openPage()
export const { createSession } = await import('../webchat-session.js')

export const TOKEN = '/v2/Webchat/Token'
export const REFRESH = `${TOKEN}/Refresh`
export const OPEN = '/v2/WebChannels'
export const MESSAGES = `${OPEN}/CH/Messages`
export const deploymentKey = 'CV00000000000000000000000000000001'

const EVENTS = ['refreshed', 'refused', 'recovered', 'ended']

/** Runs a test with a page, a service and a session, and ends all three. With `listens` the session waits for messages. */
export async function withSession({ page = {}, script = {}, respond, options = {}, listens = false }, run) {
  const { storage, page: window, document } = openPage(page)
  const service = await startService(script, respond)
  const session = createSession({ endpoint: service.url, deploymentKey, ...options })
  const events = []
  for (const type of listens ? [...EVENTS, 'message', 'closed'] : EVENTS) {
    session.addEventListener(type, ({ detail }) => events.push([type, detail]))
  }
  try {
    await run({ session, service, events, storage, window, document })
  } finally {
    await session.end().catch(() => {})
    service.stop()
  }
}

/** The details of the next event of this type. */
export const next = (session, type) =>
  new Promise((resolve) => session.addEventListener(type, ({ detail }) => resolve(detail), { once: true }))

export const claims = ({ headers }) => JSON.parse(Buffer.from(headers.dpop.split('.')[1], 'base64url'))
/** What `ended` says of the service's reason. */
export const reason = ([type, { by, code, requestId }]) => [type, by, code, requestId]
export const codes = (events, type) => events.filter(([name]) => name === type).map(([, { code }]) => code)
