// Several tabs of one browser in one process: a lock manager (Web Locks API), and windows that are shown and hidden.
import { openPage } from './service.mjs'
import { createSession, deploymentKey } from './session.mjs'

const abortError = () => new DOMException('The request was aborted.', 'AbortError')

/** `navigator.locks`, without modes: exclusive locks with `ifAvailable`, `steal` and `signal`. */
export class Locks {
  #held = new Map()
  #queues = new Map()

  request(name, { ifAvailable, steal, signal }, work) {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(abortError())
      const request = { name, work, resolve, reject }
      const holder = this.#held.get(name)
      if (steal) {
        holder?.reject(abortError())
        this.#grant(request)
      } else if (!holder) this.#grant(request)
      else if (ifAvailable) Promise.resolve(work(null)).then(resolve, reject)
      else {
        this.#queue(name).push(request)
        signal?.addEventListener('abort', () => {
          const queue = this.#queue(name)
          if (queue.includes(request)) queue.splice(queue.indexOf(request), 1)
          reject(abortError())
        })
      }
    })
  }

  #queue(name) {
    if (!this.#queues.has(name)) this.#queues.set(name, [])
    return this.#queues.get(name)
  }

  #grant(request) {
    const { name, work, resolve, reject } = request
    this.#held.set(name, request)
    const release = () => {
      if (this.#held.get(name) !== request) return
      this.#held.delete(name)
      const next = this.#queue(name).shift()
      if (next) this.#grant(next)
    }
    Promise.resolve().then(() => work({ name })).finally(release).then(resolve, reject)
  }
}

/** A browser's tabs. The one that was opened or shown last is visible. */
export class Browser {
  #tabs = []

  constructor(service, page = { locks: new Locks() }) {
    Object.assign(this, { service, page: { storage: new Map(), ...page } })
  }

  /** Opens a tab that listens to messages, and returns its session, its window and the bodies that it got. */
  open({ isHidden = false } = {}) {
    if (!isHidden) this.#tabs.forEach((tab) => this.hide(tab))
    const { page: window, document } = openPage({ ...this.page, isHidden })
    const session = createSession({ endpoint: this.service.url, deploymentKey })
    const tab = { session, window, document, bodies: [], closed: [] }
    session.addEventListener('message', ({ detail }) => tab.bodies.push(detail.message.body))
    session.addEventListener('closed', ({ detail }) => tab.closed.push(detail.conversationSid))
    this.#tabs.push(tab)
    return tab
  }

  show(tab) {
    this.#tabs.filter((other) => other !== tab && !other.document.hidden).forEach((other) => this.hide(other))
    this.#turn(tab, false)
  }

  hide(tab) {
    if (!tab.document.hidden) this.#turn(tab, true)
  }

  #turn(tab, isHidden) {
    tab.document.hidden = isHidden
    globalThis.document = tab.document
    tab.window.dispatchEvent(new Event('visibilitychange'))
  }
}
