// A conversation that the scripted service holds: it waits for messages like FlexWebchatOrchestratorService, and a test can
// delay, cut and reorder its responses.
import { CONVERSATION, errorResponse, IDENTITY } from './service.mjs'

/** Milliseconds for which the scripted service holds a request, instead of seconds. */
const WAIT_SCALE = 1000

/**
 * The service's conversations. `fault` is called for each request for messages, before it is served, and for its response:
 * it may return a promise (a delay) or an answer that replaces the normal one.
 */
export class Conversations {
  opened = [{ sid: CONVERSATION, messages: [], state: 'active' }]
  /** The requests that are held now, and each one that ever was. */
  waiting = new Set()
  fault = () => undefined
  #changed = new Set()

  get current() {
    return this.opened.at(-1)
  }

  /** Adds a message of the desk, or of the guest. */
  add(body, author = 'Grace') {
    const { messages } = this.current
    const message = { sid: `IM${messages.length}`, index: messages.length, author, body, date_created: '2030-01-01T00:00:00Z' }
    messages.push(message)
    this.wake()
    return message
  }

  close() {
    this.current.state = 'closed'
    this.wake()
  }

  wake() {
    this.#changed.forEach((wake) => wake())
  }

  /** Resolves once `count` requests are held. */
  async until(count) {
    while (this.waiting.size !== count) await new Promise((resolve) => this.#changed.add(resolve))
  }

  /** The `respond` of `startService`. */
  respond = async (call) => {
    if (call.path === '/v2/WebChannels') return [201, { conversation_sid: this.#open().sid, identity: IDENTITY }]
    if (call.path === '/v2/Webchat/Token/Refresh') {
      return [200, { ...token(), conversation_sid: this.current.sid }]
    }
    if (!call.path.endsWith('/Messages')) return undefined
    return await this.fault(call, 'before') ?? await this.#serve(call)
  }

  #open() {
    if (this.current.state === 'closed') {
      this.opened.push({ sid: CONVERSATION.replace(/1$/, this.opened.length + 1), messages: [], state: 'active' })
    }
    return this.current
  }

  async #serve(call) {
    const conversation = this.opened.find(({ sid }) => call.url.includes(sid))
    const { messages } = conversation
    let answer
    if (call.method === 'POST') {
      if (conversation.state === 'closed') return errorResponse(409, 'conversation_closed')
      const key = call.headers['idempotency-key']
      const sent = messages.find((message) => message.key === key) ?? Object.assign(this.add(call.body.body, IDENTITY), { key })
      answer = [201, { ...sent, key: undefined }]
    } else {
      const after = Number(call.headers['webchat-after'] ?? -1)
      const wait = Number(new URLSearchParams(call.url.split('?')[1]).get('wait'))
      const page = () => messages.filter(({ index }) => index > after).slice(0, 3)
      const hasNews = () => page().length || conversation.state === 'closed' || after >= messages.length
      if (wait && !hasNews()) await this.#hold(call, wait, hasNews)
      answer = [200, { messages: page(), last_index: messages.at(-1)?.index, state: conversation.state }]
    }
    return await this.fault(call, 'after') ?? answer
  }

  async #hold(call, wait, hasNews) {
    this.waiting.add(call)
    this.wake()
    const end = Promise.race([call.closed, new Promise((resolve) => setTimeout(resolve, wait * WAIT_SCALE).unref())])
    let hasEnded = false
    end.then(() => {
      hasEnded = true
      this.wake()
    })
    while (!hasEnded && !hasNews()) {
      await new Promise((resolve) => this.#changed.add(resolve))
    }
    this.waiting.delete(call)
    this.wake()
  }
}

function token() {
  return {
    valid: true, token: `token-${Math.random()}`, identity: IDENTITY, expires_in: 21600, refresh_after: 16000,
    expiration: new Date(Date.now() + 21600_000).toISOString(),
  }
}
