// @ts-check
/**
 * The Browser of the diagrams (docs/sequences): it asks FlexWebchatOrchestratorService for a token, keeps it, refreshes
 * it once for all tabs, and opens and holds the conversation. The page sees no token, only what happens to it: events,
 * each failure with the API's `code` and a sentence for the guest. Nothing that a browser may refuse is required:
 * without storage, keys, locks or channels the chat goes on in memory until the page closes.
 */

// --- What a page deals with ------------------------------------------------------------------------------------------

/**
 * @typedef {object} Options
 * @property {string} endpoint Where the service is called: `https://chat.example.com`, or a path of the page's origin.
 * @property {string} deploymentKey `CV…`
 * @property {Record<string, string>} [sentences] What the guest is told, by code, in place of the English sentences.
 * @property {number} [patience] How many milliseconds a call by the guest may wait for a better moment; 15000.
 */

/** @typedef {{customerFriendlyName?: string, preEngagementData?: unknown}} Form What the guest filled in. */
/** @typedef {{conversationSid: string, identity: string}} Conversation */
/** @typedef {{sid: string, index: number, author: string, body: string, dateCreated: string}} ChatMessage */

/** @typedef {'resume' | 'refresh' | 'openConversation' | 'messages' | 'send' | 'end'} During */
/** @typedef {{expiration: string, by: 'this-tab' | 'another-tab'}} Refreshed */
/** @typedef {{code?: string, by: 'guest' | 'another-tab' | 'service'}} Ended */

/**
 * @typedef {object} Refused
 * @property {string} code The API's, or one of `network_unreachable`, `unexpected_answer`, `message_unconfirmed`,
 *   `no_session`.
 * @property {string} message A sentence for the guest.
 * @property {number} [retryAfter] How many seconds the service asked to wait.
 * @property {boolean} final Whether nothing more is tried.
 * @property {During} during
 */

/**
 * @typedef {object} Events
 * @property {CustomEvent<Refreshed>} refreshed
 * @property {CustomEvent<Refused>} refused
 * @property {CustomEvent<Ended>} ended
 */

/**
 * Every call rejects with a `WebchatError`.
 * @typedef {object} Calls
 * @property {() => Promise<boolean>} resume Goes on with the session that is kept, if there is one.
 * @property {(form?: Form) => Promise<Conversation>} openConversation Begins a session if there is none.
 * @property {(page?: {after?: number}) => Promise<ChatMessage[]>} messages Those after an index, or all.
 * @property {(body: string) => Promise<ChatMessage>} send
 * @property {() => Promise<void>} end Forgets the session and revokes its token.
 * @property {string | null} identity Of the running session, like the next two.
 * @property {string | null} conversationSid
 * @property {string | null} expiration
 * @property {<Type extends keyof Events>(type: Type, listener: (event: Events[Type]) => void,
 *   options?: AddEventListenerOptions | boolean) => void} addEventListener
 */

/** @typedef {Readonly<Calls> & EventTarget} WebchatSession */

/** Why a call was not done. `message` is for the guest, `reason` (the service's words) and `requestId` for support. */
export class WebchatError extends Error {
  /**
   * @param {string} code
   * @param {string} message
   * @param {{status?: number, retryAfter?: number, reason?: string, requestId?: string | null}} more
   */
  constructor(code, message, { status, retryAfter, reason, requestId }) {
    super(message)
    this.name = 'WebchatError'
    this.code = code
    this.status = status
    this.retryAfter = retryAfter
    this.reason = reason
    this.requestId = requestId
    /** Whether nothing more is tried, and the page has been told so. */
    this.final = false
  }
}

const START_ANEW = ' You can start a new one.'
const OVER = 'This chat has ended.' + START_ANEW
const MISPLACED = 'This page is not set up for chat.'
const UNSAFE = 'This page or browser cannot keep a chat safe.'
const LATER = 'The chat cannot be reached. Please try again later.'

/** @type {Record<string, string>} Other codes: `OVER` (`UNSAFE` on create) if `isOver`, otherwise `LATER`. */
const SENTENCES = {
  invalid_request: 'That could not be accepted.',
  payload_too_large: 'That is too long.',
  fingerprint_invalid: 'This chat belongs to another browser.' + START_ANEW,
  conversation_full: 'This chat is full.' + START_ANEW,
  fingerprint_unavailable: UNSAFE,
  origin_not_allowed: MISPLACED,
  deployment_key_not_found: MISPLACED,
  deployment_key_disabled: 'The chat is closed right now.',
  not_found: 'This chat could not be found.',
  rate_limited: 'That was too fast. Please wait a moment.',
  message_unconfirmed: 'Your message may not have arrived. Please look before sending again.',
  no_session: 'There is no chat yet.',
}

// --- What the module keeps -------------------------------------------------------------------------------------------

/**
 * A session as it stands in localStorage. Times are milliseconds of this machine's clock.
 * @typedef {object} Kept
 * @property {number} version
 * @property {string} id Names the session among tabs, and its key.
 * @property {boolean} bound Whether the session is bound to the key.
 * @property {string} token
 * @property {string} identity
 * @property {string} expiration By the service's clock.
 * @property {number} refreshAt
 * @property {number} skew How far the service's clock is ahead.
 * @property {string} loginTimestamp
 * @property {string} conversationSid Empty as long as there is none.
 */

/** @typedef {{id: string, privateKey: CryptoKey, jwk: object}} ProofKey */
/** @typedef {{key: ProofKey | null, loginTimestamp: string, token: string}} Caller What a call shows of its session. */
/** @typedef {{during: During, trace: string, until: number}} Action What was set going, its trace and its end. */

const UNREACHABLE = 'network_unreachable'
const UNEXPECTED = 'unexpected_answer'
const UI_VERSION = '1.0.0'
/** Longer than Starship waits, so that its answer is the one that counts. */
const ANSWER_WITHIN = 15_000
const LONGEST_PAUSE = 30_000
const LOOK_EVERY = 30_000
/** How long after a token's end its session may still be resumed, at most. */
const RESUME_WINDOW = 86_400_000

const TOKEN_PATH = '/v2/Webchat/Token'
const CHANNELS_PATH = '/v2/WebChannels'

/** @type {Kept} An example, for its types. */
const SHAPE = {
  version: 1, id: '', bound: true, token: '', identity: '', expiration: '', refreshAt: 0, skew: 0, loginTimestamp: '',
  conversationSid: '',
}

const nothing = () => {}
const now = () => Date.now()

/** @param {string | null} text @returns {any} */
function parse(text) {
  try {
    return JSON.parse(text ?? '')
  } catch {
    return null
  }
}

/** @param {any} kept @returns {Kept | null} */
const wellFormed = (kept) => kept?.version === SHAPE.version
  && Object.entries(SHAPE).every(([name, example]) => typeof kept[name] === typeof example) ? kept : null

/** @param {number} bytes */
const randomHex = (bytes) => Array.from(crypto.getRandomValues(new Uint8Array(bytes)),
  (byte) => byte.toString(16).padStart(2, '0')).join('')

// --- Proof of possession (RFC 9449) ----------------------------------------------------------------------------------

/** Missing in pages over plain HTTP. */
const { subtle } = crypto
const ES256 = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }

/** @param {string} text */
const utf8 = (text) => new TextEncoder().encode(text)
/** @param {ArrayBuffer | Uint8Array} bytes */
const base64url = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes)))
  .replace(/\+/g, '-').replace(/\//g, '_').replace(/=/g, '')

/**
 * @param {ProofKey} key
 * @param {string} htm
 * @param {string} htu
 * @param {number} time
 * @param {string} token
 * @param {string | undefined} nonce
 */
async function prove({ jwk, privateKey }, htm, htu, time, token, nonce) {
  const ath = token ? base64url(await subtle.digest('SHA-256', utf8(token))) : undefined
  const claims = { htm, htu, iat: Math.floor(time / 1000), jti: randomHex(16), ath, nonce }
  const signed = [{ typ: 'dpop+jwt', alg: 'ES256', jwk }, claims]
    .map((part) => base64url(utf8(JSON.stringify(part)))).join('.')
  return `${signed}.${base64url(await subtle.sign(ES256, privateKey, utf8(signed)))}`
}

/**
 * Uses the table of keys. Where IndexedDB is blocked, some browsers never answer.
 * @param {IDBTransactionMode} mode
 * @param {(store: IDBObjectStore) => IDBRequest<any>} use
 * @returns {Promise<any>}
 */
const inKeyStore = (mode, use) => new Promise((resolve, reject) => {
  setTimeout(reject, 3000)
  const opening = indexedDB.open('webchat-session', 1)
  opening.onupgradeneeded = () => opening.result.createObjectStore('keys')
  opening.onerror = reject
  opening.onsuccess = () => {
    const transaction = opening.result.transaction('keys', mode)
    const request = use(transaction.objectStore('keys'))
    transaction.oncomplete = () => resolve(request.result)
    transaction.onabort = reject
    opening.result.close()
  }
})

// --- What a request shows of its browser (x-twilio-sec-*) ------------------------------------------------------------

/** @type {Promise<string> | undefined} */
let decoders

/** Both answers, or a constant for both, as the released widget does. */
async function probeDecoders() {
  /** @param {Omit<MediaDecodingConfiguration, 'type'>} media */
  const probe = async (media) => navigator.mediaCapabilities.decodingInfo({ type: 'file', ...media })
  /** @param {any} answer */
  const told = ({ powerEfficient = false, smooth = false, supported = false }) =>
    ({ powerEfficient, smooth, supported, keySystemAccess: null })
  const contentType = 'video/mp4;codecs=avc1.42E01E'
  const [audio, video] = await Promise.all([
    probe({ audio: { contentType: 'audio/mpeg' } }),
    probe({ video: { contentType, width: 640, height: 360, bitrate: 500000, framerate: 30 } }),
  ]).catch(() => [{}, {}])
  return JSON.stringify({ audio: told(audio), video: told(video) })
}

// --- A session -------------------------------------------------------------------------------------------------------

/**
 * Whether the same call may do better a moment later.
 * @param {WebchatError} error
 */
const passes = ({ status = 0, code }) =>
  code !== 'message_unconfirmed' && (status >= 500 || status === 429 || code === UNREACHABLE)

/**
 * Whether the session cannot go on.
 * @param {{code: string}} error
 */
const isOver = ({ code }) => /^(\w+_token|session_expired|fingerprint_invalid|invalid_dpop_proof)$/.test(code)

/**
 * How long to wait before the next try: what the service asked for, otherwise exponential with full jitter.
 * @param {WebchatError} error @param {number} attempt
 */
const pause = ({ retryAfter }, attempt) => retryAfter === undefined
  ? Math.random() * Math.min(LONGEST_PAUSE, 1000 * 2 ** attempt)
  : Math.min(retryAfter, 3600) * 1000 + Math.random() * 250

/**
 * Does no I/O until it is told to.
 * @param {Options} options
 * @returns {WebchatSession}
 */
export function createSession({ endpoint, deploymentKey, sentences = {}, patience = 15_000 }) {
  const base = new URL(endpoint, globalThis.location?.href).href.replace(/\/+$/, '')
  const slot = `webchat-session ${base} ${deploymentKey}`
  const target = new EventTarget()
  /** @type {(Kept & Caller) | null} */
  let current = null
  /** Whether `current` stands in localStorage too. */
  let stored = false
  let skew = 0
  /** @type {string | undefined} The service's newest `DPoP-Nonce` (RFC 9449, section 8). */
  let nonce
  /** @type {Promise<void> | null} */
  let refreshing = null
  /** @type {Promise<Conversation> | null} */
  let opening = null
  /** @type {WebchatError | undefined} Why the refresh goes on for so long. */
  let trouble
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer
  /** @type {BroadcastChannel | undefined} */
  let channel
  let listening = new AbortController()
  /** @type {Set<(byEvent: boolean) => void>} */
  const waits = new Set()

  const serverNow = () => now() + skew

  /** @param {During} during @returns {Action} */
  function action(during) {
    look()
    return { during, trace: randomHex(16), until: now() + patience }
  }

  // --- events

  /** @param {string} type @param {Refreshed | Refused | Ended} detail */
  const tell = (type, detail) => target.dispatchEvent(new CustomEvent(type, { detail }))

  /**
   * @param {string} code
   * @param {{status?: number, retryAfter?: number, reason?: string, requestId?: string | null}} [more]
   * @param {string} [over] The sentence for codes that end a session.
   */
  const failure = (code, more = {}, over = OVER) =>
    new WebchatError(code, sentences[code] ?? SENTENCES[code] ?? (isOver({ code }) ? over : LATER), more)

  const noSession = () => failure('no_session')

  /**
   * Tells a failure once as final, however many calls it ends.
   * @param {WebchatError} error
   * @param {During} during
   * @param {boolean} final
   */
  function refuse(error, during, final) {
    if (error.final) return
    error.final = final
    const { code, message, retryAfter } = error
    tell('refused', { code, message, final, during, retryAfter })
  }

  // --- storage

  /** Undefined where storage is blocked. */
  function read() {
    try {
      return wellFormed(parse(localStorage.getItem(slot)))
    } catch {
      return undefined
    }
  }

  /**
   * Keeps what changed for reloads and the other tabs, and has them look. What they did meanwhile stays.
   * @param {Partial<Kept>} change
   */
  function keep(change) {
    look()
    if (!current) return
    const { key, ...kept } = current = { ...current, ...change }
    try {
      localStorage.setItem(slot, JSON.stringify(kept))
      stored = true
    } catch {
      stored = false
    }
    channel?.postMessage(0)
    schedule()
  }

  /**
   * Token and key vanish together.
   * @param {string} id Whose: meanwhile there may be another session's.
   */
  function erase(id) {
    if (read()?.id !== id) return
    localStorage.removeItem(slot)
    inKeyStore('readwrite', (store) => store.delete(slot)).catch(nothing)
    channel?.postMessage(0)
  }

  /** Sees what another tab did. */
  function look() {
    const kept = current && stored ? read() : undefined
    if (!current || kept === undefined) return
    if (kept?.id !== current.id) return forget({ by: 'another-tab' })
    const isNew = kept.token !== current.token
    current = { ...kept, key: current.key }
    if (!isNew) return
    skew = kept.skew
    schedule()
    tell('refreshed', { expiration: kept.expiration, by: 'another-tab' })
  }

  /** @param {Ended} detail */
  function forget(detail) {
    if (!current) return
    erase(current.id)
    current = null
    stored = false
    clearTimeout(timer)
    listening.abort()
    channel?.close()
    waits.forEach((wake) => wake(false))
    tell('ended', detail)
  }

  /** Finds the session of an earlier page. Without its key it is none. */
  async function find() {
    const kept = read()
    if (current || !kept) return
    /** @type {ProofKey | null} */
    let key = null
    if (kept.bound) {
      try {
        key = await inKeyStore('readonly', (store) => store.get(slot))
      } catch {
        return
      }
      if (key?.id !== kept.id) return erase(kept.id)
    }
    if (current) return
    current = { ...kept, key }
    stored = true
    skew = kept.skew
    listen()
  }

  /** @param {string} id @returns {Promise<ProofKey | null>} */
  async function makeKey(id) {
    try {
      const { privateKey, publicKey } = /** @type {CryptoKeyPair} */ (
        await subtle.generateKey(ES256, false, ['sign']))
      const { kty, crv, x, y } = await subtle.exportKey('jwk', publicKey)
      const key = { id, privateKey, jwk: { kty, crv, x, y } }
      // A token that outlives its key is lost. Where storage is blocked it lives as short as the key.
      if (read() !== undefined) await inKeyStore('readwrite', (store) => store.put(key, slot))
      return key
    } catch {
      return null
    }
  }

  // --- between tabs

  /**
   * One tab at a time. Where there are no locks (pages over plain HTTP, blocked storage) tabs may refresh at once:
   * within a minute the service gives all of them tokens of one generation, and the last one stays in the storage.
   * @param {() => Promise<void>} work
   */
  async function exclusively(work) {
    let entered = false
    const enter = (/** @type {boolean} */ ifAvailable) => navigator.locks.request(slot, { ifAvailable }, async (lock) => {
      if (!lock) return
      entered = true
      // What the tab before wrote comes to this one's localStorage a moment after the lock: they are two processes.
      if (!ifAvailable) await wait(200, true)
      await work()
    })
    try {
      await enter(true)
      if (!entered) await enter(false)
    } catch (error) {
      if (entered) throw error
      await work()
    }
  }

  /** Hears of other tabs, of the network and of waking up, as long as there is a session. */
  function listen() {
    listening = new AbortController()
    const { signal } = listening
    const wake = () => {
      waits.forEach((end) => end(true))
      tick()
    }
    for (const type of ['visibilitychange', 'pageshow', 'online']) addEventListener(type, wake, { signal })
    addEventListener('storage', look, { signal })
    try {
      channel = new BroadcastChannel(slot)
      channel.onmessage = look
    } catch {
      channel = undefined
    }
    schedule()
  }

  // --- time

  function schedule() {
    clearTimeout(timer)
    if (current) timer = setTimeout(tick, Math.max(0, Math.min(LOOK_EVERY, current.refreshAt - now())))
  }

  /** Timers stop while a machine sleeps, so the clock is looked at again and again, and whenever the page wakes up. */
  function tick() {
    look()
    if (!current) return
    if (now() < current.refreshAt) schedule()
    else refresh(action('refresh')).catch(nothing)
  }

  /**
   * @param {number} ms
   * @param {boolean} asAsked Whether the service asked for it: then no event cuts it short, but the session's end.
   * @returns {Promise<void>}
   */
  const wait = (ms, asAsked) => new Promise((resolve) => {
    /** @param {boolean} byEvent */
    const end = (byEvent) => {
      if (byEvent && asAsked) return
      clearTimeout(sleeping)
      waits.delete(end)
      resolve()
    }
    const sleeping = setTimeout(end, ms, false)
    waits.add(end)
  })

  /**
   * @template T
   * @param {Promise<T>} work
   * @param {Action} act
   * @returns {Promise<T>}
   */
  function within(work, { until }) {
    /** @type {ReturnType<typeof setTimeout>} */
    let limit
    const late = new Promise((_, reject) => {
      limit = setTimeout(() => reject(trouble ?? failure(UNREACHABLE)), until - now())
    })
    return Promise.race([work, late]).finally(() => clearTimeout(limit))
  }

  // --- calls

  /**
   * One call. A refused proof is made again with the nonce of the refusal, or if it is refused for its age, by the time
   * of the refusal: once for each of these reasons, so that a call sends at most three requests.
   * @param {Action} act
   * @param {string} path
   * @param {object | undefined} body None for a GET.
   * @param {Caller} caller
   * @param {boolean} [bearer] Whether the token goes into the header.
   * @returns {Promise<any>}
   */
  async function call({ during, trace }, path, body, { key, loginTimestamp, token }, bearer) {
    const url = base + path
    const method = body ? 'POST' : 'GET'
    const { language, cookieEnabled } = navigator
    let mayCorrect = Boolean(key)
    let mayRenew = mayCorrect
    for (;;) {
      const at = serverNow()
      const usedNonce = nonce
      /** @type {Record<string, string>} */
      const headers = {
        'x-twilio-sec-decoders': await (decoders ??= probeDecoders()),
        'x-twilio-sec-usersettings':
          JSON.stringify({ language, cookieEnabled, userTimezone: new Date().getTimezoneOffset() }),
        'x-twilio-sec-webchatinfo': JSON.stringify({ loginTimestamp }),
        'ui-version': UI_VERSION,
        traceparent: `00-${trace}-${randomHex(8)}-01`,
        ...body && { 'content-type': 'application/json' },
        ...bearer && { authorization: `Bearer ${token}` },
        ...key && { dpop: await prove(key, method, url.split('?')[0], at, token, usedNonce) },
      }
      /** @type {Response} */
      let response
      let answer
      try {
        response = await fetch(url, {
          method, headers, body: body && JSON.stringify(body), keepalive: during === 'end',
          // Older browsers have limits of their own, and the typings are older still.
          signal: /** @type {any} */ (AbortSignal).timeout?.(ANSWER_WITHIN),
          // No `cache`: answers say `no-store` themselves, and with it Chromium would ask a preflight for every call.
          credentials: 'omit', redirect: 'error', referrerPolicy: 'strict-origin',
        })
        answer = parse(await response.text())
      } catch {
        throw failure(UNREACHABLE)
      }
      /** @type {(name: string) => any} Null if the header is missing or not exposed to the page. */
      const header = (name) => response.headers.get(name)
      nonce = header('dpop-nonce') || nonce
      if (response.ok && answer) return answer
      const code = answer?.code ?? UNEXPECTED
      const time = Date.parse(header('date'))
      if (mayCorrect && code === 'invalid_dpop_proof' && Math.abs(time - at) > 5000) {
        mayCorrect = false
        skew = time - now()
        continue
      }
      // The same nonce again, or none, would be refused again.
      if (mayRenew && code === 'use_dpop_nonce' && nonce !== usedNonce) {
        mayRenew = false
        continue
      }
      const seconds = parseFloat(header('retry-after'))
      throw failure(code, {
        status: response.status,
        retryAfter: seconds >= 0 ? seconds : undefined,
        reason: answer?.message,
        requestId: header('request-id'),
      }, token ? OVER : UNSAFE)
    }
  }

  /**
   * Tries as long as the guest may be kept waiting.
   * @template T
   * @param {Action} act
   * @param {() => Promise<T>} work
   * @returns {Promise<T>}
   */
  async function patiently({ during, until }, work) {
    for (let attempt = 0; ; attempt++) {
      try {
        return await work()
      } catch (thrown) {
        const error = thrown instanceof WebchatError ? thrown : failure(UNEXPECTED, { reason: `${thrown}` })
        const asAsked = error.retryAfter !== undefined
        const left = until - now()
        const ms = pause(error, attempt)
        const final = error.final || !passes(error) || left <= 0 || (asAsked && ms > left)
        refuse(error, during, final)
        if (final) throw error
        await wait(Math.min(ms, left), asAsked)
      }
    }
  }

  /**
   * A call of the conversation. A token that has ended, or is not bound to this browser yet, is refreshed once.
   * @param {Action} act
   * @param {string} path
   * @param {object} [body]
   * @returns {Promise<any>}
   */
  async function withToken(act, path, body) {
    if (current && serverNow() >= Date.parse(current.expiration)) await within(refresh(act), act)
    const wasOffline = navigator.onLine === false
    for (let again = true; ; again = false) {
      if (!current) throw noSession()
      const { id, token } = current
      try {
        return await call(act, path, body, current, true)
      } catch (thrown) {
        const error = /** @type {WebchatError} */ (thrown)
        const { code, status } = error
        // The session goes on in its next conversation.
        if (code === 'conversation_full') keep({ conversationSid: '' })
        if (!isOver(error)) {
          // Whoever lost the answer cannot know whether a message was taken. Saying it twice is worse than asking.
          const isLost = act.during === 'send' && passes(error) && status !== 429 && (status || !wasOffline)
          throw isLost ? failure('message_unconfirmed', error) : error
        }
        look()
        if (current?.id !== id) throw noSession()
        if (again && current.token !== token) continue
        if (!again || !/^(expired_token|fingerprint_invalid)$/.test(code)) {
          refuse(error, act.during, true)
          forget({ by: 'service', code })
          throw error
        }
        await within(refresh(act), act)
      }
    }
  }

  // --- refresh

  /**
   * One refresh at a time, whoever asks for it.
   * @param {Action} act
   */
  const refresh = (act) => refreshing ??= keepRefreshing(act).finally(() => {
    refreshing = null
    trouble = undefined
    schedule()
  })

  /**
   * Goes on as long as the session may live.
   * @param {Action} act
   */
  async function keepRefreshing(act) {
    for (let attempt = 0; current; attempt++) {
      const { id, token, expiration } = current
      try {
        return await exclusively(() => refreshOnce(act, token))
      } catch (thrown) {
        const error = /** @type {WebchatError} */ (thrown)
        if (current?.id !== id) break
        const isLate = serverNow() > Date.parse(expiration) + RESUME_WINDOW
        const final = isLate || !passes(error)
        refuse(error, 'refresh', final)
        if (isLate || isOver(error)) forget({ by: 'service', code: isOver(error) ? error.code : 'session_expired' })
        // Waiting does not mend it, but somebody may: the timer tries again much later.
        else if (final) keep({ refreshAt: now() + 10 * LOOK_EVERY })
        if (final) throw error
        trouble = error
        await wait(pause(error, attempt), error.retryAfter !== undefined)
      }
    }
    throw noSession()
  }

  /**
   * Refreshes the token, unless another tab has done it since this one asked for the lock.
   * @param {Action} act
   * @param {string} token
   */
  async function refreshOnce(act, token) {
    look()
    if (current?.token !== token) return
    const { id } = current
    const answer = await call(act, `${TOKEN_PATH}/Refresh`, { deploymentKey, token }, current)
    look()
    if (current?.id !== id) return
    const { conversation_sid, expiration } = answer
    keep({ ...taken(answer), ...conversation_sid && { conversationSid: conversation_sid } })
    tell('refreshed', { expiration, by: 'this-tab' })
  }

  /**
   * What an answer with a token says. The service's time is what it leaves of the token's life.
   * @param {any} answer
   */
  function taken({ token, identity, expiration, expires_in, refresh_after = expires_in * 0.8 }) {
    const ahead = Date.parse(expiration) - expires_in * 1000 - now()
    const kept = { token, identity, expiration, skew: ahead, refreshAt: now() + Math.max(1, refresh_after) * 1000 }
    if (!wellFormed({ ...SHAPE, ...kept }) || isNaN(ahead)) throw failure(UNEXPECTED)
    skew = ahead
    return kept
  }

  // --- what the guest may do

  async function resume() {
    await find()
    if (!current) return false
    const act = action('resume')
    try {
      await within(refresh(act), act)
    } catch (thrown) {
      // Where it may pass, the session is there, and the refresh goes on.
      if (current && !passes(/** @type {WebchatError} */ (thrown))) throw thrown
    }
    return current !== null
  }

  /**
   * Begins a session, unless another tab has just done it.
   * @param {Action} act
   */
  async function begin(act) {
    await find()
    if (current) return
    const id = randomHex(16)
    const caller = { key: await makeKey(id), loginTimestamp: `${now()}`, token: '' }
    const answer = await call(act, TOKEN_PATH, { deploymentKey }, caller)
    current = { ...SHAPE, id, bound: caller.key !== null, ...caller, ...taken(answer) }
    listen()
    keep({})
  }

  /** @param {Form} [form] @returns {Promise<Conversation>} */
  async function open(form) {
    const act = action('openConversation')
    if (!current) await resume()
    return patiently(act, async () => {
      if (!current) await within(exclusively(() => begin(act)), act)
      if (!current?.conversationSid) {
        const { conversation_sid } = await withToken(act, CHANNELS_PATH, form ?? {})
        keep({ conversationSid: conversation_sid })
      }
      if (!current) throw noSession()
      const { conversationSid, identity } = current
      return { conversationSid, identity }
    })
  }

  /** @param {Form} [form] */
  const openConversation = (form) => opening ??= open(form).finally(() => {
    opening = null
  })

  /**
   * A call of the conversation's messages.
   * @param {Action} act
   * @param {string} query
   * @param {object} [body]
   */
  const withMessages = (act, query, body) => patiently(act, async () => {
    if (!current?.conversationSid) throw noSession()
    return withToken(act, `${CHANNELS_PATH}/${current.conversationSid}/Messages${query}`, body)
  })

  /** @param {any} message @returns {ChatMessage} */
  const message = ({ date_created, ...rest }) => ({ ...rest, dateCreated: date_created })

  /** @param {{after?: number}} [page] @returns {Promise<ChatMessage[]>} */
  async function messages(page) {
    const act = action('messages')
    /** @type {ChatMessage[]} */
    const all = []
    for (let last = page?.after; ;) {
      const { messages: found, last_index } = await withMessages(act, last === undefined ? '' : `?after=${last}`)
      all.push(...found.map(message))
      last = found[found.length - 1]?.index ?? last_index
      if (last === last_index) return all
    }
  }

  /** @param {string} body */
  const send = async (body) => message(await withMessages(action('send'), '', { body }))

  async function end() {
    await find()
    if (!current) return
    const caller = current
    const { token } = caller
    forget({ by: 'guest' })
    const act = action('end')
    await patiently(act, () => call(act, `${TOKEN_PATH}/Revoke`, { deploymentKey, token }, caller))
  }

  for (const name of /** @type {const} */ (['identity', 'conversationSid', 'expiration'])) {
    Object.defineProperty(target, name, { get: () => current?.[name] || null })
  }
  return /** @type {any} */ (Object.assign(target, { resume, openConversation, messages, send, end }))
}
