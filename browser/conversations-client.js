// @ts-check
/**
 * Client in place of `@twilio/conversations` for the released Twilio webchat widget: the part of that package's API that the
 * widget uses, over a session of `webchat-session.js`. docs/embedding.md says what to change in the widget.
 * The widget creates its session itself (`POST /v2/Webchat/Init`) and stores it. This client takes that session over,
 * refreshes its token in one tab for all, and stores each new token where the widget reads it.
 */
import { createSession } from './webchat-session.js'

/**
 * @typedef {object} ClientOptions
 * @property {string} endpoint Base URL of the service, without `/v2`.
 * @property {string} deploymentKey The one that the widget is initialised with.
 * @property {string | undefined} [guestName] The guest's name in the list of messages; `You` by default.
 */

/** @typedef {import('./webchat-session.js').WebchatSession} Session */
/** @typedef {import('./webchat-session.js').ChatMessage} ChatMessage */
/** @typedef {'connecting' | 'connected' | 'disconnecting' | 'disconnected' | 'denied'} ConnectionState */
/** @typedef {{connectionStateChanged: ConnectionState, tokenAboutToExpire: void}} ClientEvents The first is emitted. */
/**
 * @typedef {{messageAdded: Message, participantJoined: Participant, messageRemoved: Message, participantLeft: Participant,
 *   updated: {conversation: Conversation, updateReasons: string[]}, messageUpdated: {message: Message},
 *   participantUpdated: {participant: Participant}, typingStarted: Participant, typingEnded: Participant
 * }} ConversationEvents The first two and `updated` are emitted.
 */
/** @typedef {{identity: string, friendlyName: string}} User */
/** @typedef {{filename: string, contentType: string, size: number, getContentTemporaryUrl: () => Promise<string>}} Media */
/** @typedef {{items: Message[], hasPrevPage: boolean, prevPage: () => Promise<MessagePage>}} MessagePage In order. */
/**
 * @typedef {{setBody: (text: string) => MessageBuilder, addMedia: (media: unknown) => MessageBuilder,
 *   build: () => {send: () => Promise<number>}}} MessageBuilder `send` returns the message's index, and rejects media.
 */

/** The widget's entry in localStorage: `{token, expiration, identity, conversationSid, loginTimestamp}`. */
const WIDGET_ENTRY = 'TWILIO_WEBCHAT_WIDGET'
/** Milliseconds. After a failed call the widget's input stays disabled, so calls are repeated for an hour. */
const PATIENCE = 3_600_000

/** @param {string} name @returns {any} Empty if the entry is missing or malformed. */
function readEntry(name) {
  try {
    return Object(JSON.parse(/** @type {string} */ (localStorage.getItem(name))))
  } catch {
    return {}
  }
}

/** @template Events The part of Node's `EventEmitter` that the widget uses. */
export class Emitter {
  /** @type {{[Type in keyof Events]?: Set<(detail: any) => void>}} */
  #listeners = {}

  /** @template {keyof Events} Type @param {Type} type @param {(detail: Events[Type]) => void} listener */
  addListener(type, listener) {
    (this.#listeners[type] ??= new Set()).add(listener)
  }

  /** @template {keyof Events} Type @param {Type} type @param {(detail: Events[Type]) => void} listener */
  removeListener(type, listener) {
    this.#listeners[type]?.delete(listener)
  }

  /** @param {keyof Events} [type] All types by default. */
  removeAllListeners(type) {
    this.#listeners = type ? { ...this.#listeners, [type]: undefined } : {}
  }

  /** @template {keyof Events} Type @param {Type} type @param {Events[Type]} detail */
  emit(type, detail) {
    // The exception of a listener is reported, and does not keep the event from the next one.
    for (const listener of this.#listeners[type] ?? []) Promise.resolve(detail).then(listener)
  }
}

/** The guest, or the author of a message. The service has no typing indicator and no read receipts. */
export class Participant {
  isTyping = false
  /** @type {number | null} */
  lastReadMessageIndex = null

  /** @param {User} user Its identity is also the participant's sid. */
  constructor(user) {
    this.sid = this.identity = user.identity
    this.getUser = async () => user
  }
}

export class Message {
  type = 'text'
  /** @type {Media[] | null} */
  attachedMedia = null

  /** @param {ChatMessage} message */
  constructor({ sid, index, author, body, dateCreated }) {
    this.sid = sid
    this.index = index
    this.author = this.participantSid = author
    this.body = body
    this.dateCreated = new Date(dateCreated)
  }
}

/** @extends {Emitter<ConversationEvents>} */
export class Conversation extends Emitter {
  /** @type {{current: 'active' | 'inactive' | 'closed'}} */
  state = { current: 'active' }
  attributes = {}
  /** @type {Message | undefined} */
  lastMessage
  /** @type {number | null} All messages count as read. */
  lastReadMessageIndex = null
  /** @type {Message[]} */
  #messages = []
  /** @type {Map<string, Participant>} By identity. */
  #participants = new Map()
  #session

  /** @param {Session} session @param {string} sid @param {User} guest @param {ChatMessage[]} messages */
  constructor(session, sid, guest, messages) {
    super()
    this.sid = sid
    this.#session = session
    this.#participants.set(guest.identity, new Participant(guest))
    for (const message of messages) this.#add(message)
    this.dateCreated = this.#messages[0]?.dateCreated ?? new Date()
    // The events begin with the first message of the conversation.
    session.addEventListener('message', ({ detail }) => session.conversationSid === sid && this.#add(detail.message))
    session.addEventListener('closed', ({ detail }) => detail.conversationSid === sid && this.#close())
    session.addEventListener('ended', () => this.#close())
    // Full, or erased: the widget offers a new chat once this one is closed.
    session.addEventListener('refused', ({ detail }) => /^(conversation_full|not_found)$/.test(detail.code) && this.#close())
  }

  /** @param {ChatMessage} message */
  #add(message) {
    if (this.#messages.some(({ sid }) => sid === message.sid)) return
    const { author: identity } = message
    if (!this.#participants.has(identity)) {
      const participant = new Participant({ identity, friendlyName: identity })
      this.#participants.set(identity, participant)
      this.emit('participantJoined', participant)
    }
    this.#messages.push(this.lastMessage = new Message(message))
    this.lastReadMessageIndex = message.index
    this.emit('messageAdded', this.lastMessage)
  }

  #close() {
    if (this.state.current === 'closed') return
    this.state = { current: 'closed' }
    this.emit('updated', { conversation: this, updateReasons: ['state'] })
  }

  getMessagesCount = async () => this.#messages.length
  getParticipants = async () => [...this.#participants.values()]
  typing = async () => {}
  setAllMessagesRead = async () => 0

  /** @returns {Promise<MessagePage>} The last `pageSize` messages up to the index `anchor`. */
  async getMessages(pageSize = 30, anchor = Infinity) {
    const all = this.#messages.filter(({ index }) => index <= anchor)
    const items = all.slice(-pageSize)
    const prevPage = () => this.getMessages(pageSize, (items[0]?.index ?? 0) - 1)
    return { items, hasPrevPage: items.length < all.length, prevPage }
  }

  /** @returns {MessageBuilder} */
  prepareMessage() {
    let text = ''
    let hasMedia = false
    const send = async () => {
      if (hasMedia) throw new Error('Files cannot be sent in this chat.')
      return (await this.#session.send(text)).index
    }
    const builder = /** @type {MessageBuilder} */ ({
      setBody: (body) => (text = body, builder), addMedia: () => (hasMedia = true, builder), build: () => ({ send }),
    })
    return builder
  }
}

/** @type {Client | undefined} The page's client. The widget makes no call to it before it creates the next one. */
let newest

/** @extends {Emitter<ClientEvents>} */
export class Client extends Emitter {
  /** @type {ConnectionState} */
  connectionState = 'connected'
  /** @type {Conversation | undefined} */
  #conversation
  #session
  #entry

  /** @type {(token: string, options: ClientOptions) => Promise<Client>} The token that the widget has stored is used. */
  static create = async (_token, options) => new Client(options)

  /** @param {ClientOptions} options */
  constructor(options) {
    super()
    const { endpoint, deploymentKey, guestName = 'You' } = Object(options)
    const session = this.#session = createSession({ endpoint, deploymentKey, patience: PATIENCE })
    // As in `webchat-session.js`.
    this.#entry = `webchat-session ${new URL(endpoint, globalThis.location?.href).href.replace(/\/+$/, '')} ${deploymentKey}`
    const { identity, token } = readEntry(WIDGET_ENTRY)
    if (!token) throw new Error('The chat widget has stored no session.')
    /** @type {User} */
    this.user = { identity, friendlyName: guestName }
    // A session of the widget has no proof key, so its identity is new: it is the id of the session.
    if (readEntry(this.#entry).id !== identity) this.updateToken(token)
    newest?.shutdown()
    newest = this
    session.addEventListener('refreshed', () => {
      const { token, expiration } = readEntry(this.#entry)
      const ofWidget = readEntry(WIDGET_ENTRY)
      if (ofWidget.identity !== identity) return
      localStorage.setItem(WIDGET_ENTRY, JSON.stringify({ ...ofWidget, token, expiration }))
    })
    /** @param {ConnectionState} state */
    const connection = (state) => {
      if (state !== this.connectionState) this.emit('connectionStateChanged', this.connectionState = state)
    }
    session.addEventListener('refused', ({ detail }) => detail.during === 'wait' && !detail.final && connection('connecting'))
    session.addEventListener('recovered', () => connection('connected'))
    session.addEventListener('ended', () => connection('denied'))
  }

  /** @param {string} sid Rejects unless the session exists and this is its newest conversation. */
  async getConversationBySid(sid) {
    const session = this.#session
    if (!await session.resume() || session.conversationSid !== sid) throw new Error('This chat could not be found.')
    return this.#conversation ??= new Conversation(session, sid, this.user, await session.messages())
  }

  /** @param {string} token One that the widget has requested and stored itself, with its expiration. */
  async updateToken(token) {
    const { identity, expiration, conversationSid, loginTimestamp } = readEntry(WIDGET_ENTRY)
    const refreshAt = Date.now() + 0.8 * (Date.parse(expiration) - Date.now())
    const session = { id: identity, bound: false, token, identity, expiration, refreshAt, skew: 0, conversationSid }
    localStorage.setItem(this.#entry, JSON.stringify({ ...session, loginTimestamp: `${loginTimestamp}` }))
  }

  /** Stops requests and events; the session continues. */
  shutdown() {
    this.#session.leave()
    this.removeAllListeners()
    this.#conversation?.removeAllListeners()
  }
}
