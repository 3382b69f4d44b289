/**
 * Creates the client. Does no I/O until a method is called, and can be called on a server. Throws a `TypeError` if an
 * option is wrong.
 * @param {Options} options
 * @returns {WebchatSession}
 */
export function createSession({ endpoint, deploymentKey, sentences, patience }?: Options): WebchatSession;
/**
 * Client for a site's page: the Browser of the diagrams (docs/sequences). It requests a token from
 * FlexWebchatOrchestratorService, stores it, refreshes it once for all tabs, and opens the conversation. One tab waits for
 * messages and passes them to the others. The page never sees the token. It receives messages and failures as events, with
 * the API's `code` and a sentence for the guest.
 * Storage, keys, locks and channels are optional: without them the chat lives in memory until the page closes.
 */
/**
 * @typedef {object} Options
 * @property {string} endpoint Base URL of the service: `https://chat.example.com`, or a path on the page's origin.
 * @property {string} deploymentKey `CV…`, 32 hexadecimal digits.
 * @property {Record<string, string>} [sentences] Sentences for the guest, by code, that replace the English ones.
 * @property {number} [patience] How long a call may retry, in whole milliseconds; 15000 by default.
 */
/** @typedef {{customerFriendlyName?: string, preEngagementData?: unknown}} Form The guest's input. */
/** @typedef {{conversationSid: string, identity: string}} Conversation */
/** @typedef {{sid: string, index: number, author: string, body: string, dateCreated: string}} ChatMessage */
/** @typedef {'resume' | 'refresh' | 'openConversation' | 'messages' | 'wait' | 'send' | 'end'} During */
/** @typedef {{message: ChatMessage, isOwn: boolean}} Received `isOwn`: the guest is the author. */
/** @typedef {{conversationSid: string}} Closed */
/** @typedef {{expiration: string, by: 'this-tab' | 'another-tab'}} Refreshed */
/** @typedef {{code?: string, requestId?: string | null, by: 'guest' | 'another-tab' | 'service'}} Ended */
/**
 * @typedef {object} Refused
 * @property {string} code Of the API, or `network_unreachable`, `unexpected_answer` or `no_session`.
 * @property {string} message A sentence for the guest.
 * @property {number} [retryAfter] Seconds, from the `Retry-After` header.
 * @property {string | null} [requestId] Of the response, for support.
 * @property {boolean} final False if the module will retry.
 * @property {During} during
 */
/**
 * The module waits for messages once the page listens to `message` or `closed`.
 * @typedef {object} Events
 * @property {CustomEvent<Received>} message Each message of the conversation once, from the first one, in order.
 * @property {CustomEvent<Closed>} closed The conversation was closed, after its last message.
 * @property {CustomEvent<{}>} recovered Waiting works again after a `refused` with `during: 'wait'`.
 * @property {CustomEvent<Refreshed>} refreshed
 * @property {CustomEvent<Refused>} refused
 * @property {CustomEvent<Ended>} ended
 */
/**
 * Every call rejects with a `WebchatError`.
 * @typedef {object} Calls
 * @property {() => Promise<boolean>} resume Resumes the stored session; false if there is none.
 * @property {(form?: Form) => Promise<Conversation>} openConversation Starts a session if there is none.
 * @property {(page?: {after?: number}) => Promise<ChatMessage[]>} messages The messages after an index, or all.
 * @property {(body: string) => Promise<ChatMessage>} send
 * @property {() => Promise<void>} end Deletes the session and revokes its token.
 * @property {() => void} leave Stops waiting, timers and listeners, without ending the session; `resume` starts again.
 * @property {string | null} identity Of the current session, as are the next two.
 * @property {string | null} conversationSid
 * @property {string | null} expiration
 * @property {<Type extends keyof Events>(type: Type, listener: (event: Events[Type]) => void,
 *   options?: AddEventListenerOptions | boolean) => void} addEventListener
 */
/** @typedef {Readonly<Calls> & EventTarget} WebchatSession */
/** Why a call failed. `message` is for the guest; `reason` (the service's message) and `requestId` are for support. */
export class WebchatError extends Error {
    /**
     * @param {string} code
     * @param {string} message
     * @param {{status?: number, retryAfter?: number, reason?: string, requestId?: string | null}} more
     */
    constructor(code: string, message: string, more: {
        status?: number;
        retryAfter?: number;
        reason?: string;
        requestId?: string | null;
    });
    /** @type {number | undefined} */
    status: number | undefined;
    /** @type {number | undefined} Seconds, from the `Retry-After` header. */
    retryAfter: number | undefined;
    /** @type {string | undefined} */
    reason: string | undefined;
    /** @type {string | null | undefined} */
    requestId: string | null | undefined;
    /** Whether the module has given up and dispatched a final `refused` event. */
    final: boolean;
    code: string;
}
export type Options = {
    /**
     * Base URL of the service: `https://chat.example.com`, or a path on the page's origin.
     */
    endpoint: string;
    /**
     * `CV…`, 32 hexadecimal digits.
     */
    deploymentKey: string;
    /**
     * Sentences for the guest, by code, that replace the English ones.
     */
    sentences?: Record<string, string> | undefined;
    /**
     * How long a call may retry, in whole milliseconds; 15000 by default.
     */
    patience?: number | undefined;
};
/**
 * The guest's input.
 */
export type Form = {
    customerFriendlyName?: string;
    preEngagementData?: unknown;
};
export type Conversation = {
    conversationSid: string;
    identity: string;
};
export type ChatMessage = {
    sid: string;
    index: number;
    author: string;
    body: string;
    dateCreated: string;
};
export type During = 'resume' | 'refresh' | 'openConversation' | 'messages' | 'wait' | 'send' | 'end';
/**
 * `isOwn`: the guest is the author.
 */
export type Received = {
    message: ChatMessage;
    isOwn: boolean;
};
export type Closed = {
    conversationSid: string;
};
export type Refreshed = {
    expiration: string;
    by: 'this-tab' | 'another-tab';
};
export type Ended = {
    code?: string;
    requestId?: string | null;
    by: 'guest' | 'another-tab' | 'service';
};
export type Refused = {
    /**
     * Of the API, or `network_unreachable`, `unexpected_answer` or `no_session`.
     */
    code: string;
    /**
     * A sentence for the guest.
     */
    message: string;
    /**
     * Seconds, from the `Retry-After` header.
     */
    retryAfter?: number | undefined;
    /**
     * Of the response, for support.
     */
    requestId?: string | null | undefined;
    /**
     * False if the module will retry.
     */
    final: boolean;
    during: During;
};
/**
 * The module waits for messages once the page listens to `message` or `closed`.
 */
export type Events = {
    /**
     * Each message of the conversation once, from the first one, in order.
     */
    message: CustomEvent<Received>;
    /**
     * The conversation was closed, after its last message.
     */
    closed: CustomEvent<Closed>;
    /**
     * Waiting works again after a `refused` with `during: 'wait'`.
     */
    recovered: CustomEvent<{}>;
    refreshed: CustomEvent<Refreshed>;
    refused: CustomEvent<Refused>;
    ended: CustomEvent<Ended>;
};
/**
 * Every call rejects with a `WebchatError`.
 */
export type Calls = {
    /**
     * Resumes the stored session; false if there is none.
     */
    resume: () => Promise<boolean>;
    /**
     * Starts a session if there is none.
     */
    openConversation: (form?: Form) => Promise<Conversation>;
    /**
     * The messages after an index, or all.
     */
    messages: (page?: {
        after?: number;
    }) => Promise<ChatMessage[]>;
    send: (body: string) => Promise<ChatMessage>;
    /**
     * Deletes the session and revokes its token.
     */
    end: () => Promise<void>;
    /**
     * Stops waiting, timers and listeners, without ending the session; `resume` starts again.
     */
    leave: () => void;
    /**
     * Of the current session, as are the next two.
     */
    identity: string | null;
    conversationSid: string | null;
    expiration: string | null;
    addEventListener: <Type extends keyof Events>(type: Type, listener: (event: Events[Type]) => void, options?: AddEventListenerOptions | boolean) => void;
};
export type WebchatSession = Readonly<Calls> & EventTarget;
/**
 * The entry in localStorage. Times are milliseconds by the local clock.
 */
export type StoredSession = {
    /**
     * Shared by the session's tabs and its proof key.
     */
    id: string;
    /**
     * Whether the session is bound to a proof key.
     */
    bound: boolean;
    token: string;
    identity: string;
    /**
     * By the service's clock.
     */
    expiration: string;
    refreshAt: number;
    /**
     * Milliseconds that the service's clock is ahead.
     */
    skew: number;
    loginTimestamp: string;
    /**
     * The newest conversation; empty if none was opened.
     */
    conversationSid: string;
};
export type ProofKey = {
    id: string;
    privateKey: CryptoKey;
    jwk: object;
};
/**
 * Sent with a request.
 */
export type Credentials = {
    key: ProofKey | null;
    loginTimestamp: string;
    token: string;
};
/**
 * A running call.
 */
export type Action = {
    during: During;
    /**
     * A random id.
     */
    trace: string;
    /**
     * Its deadline.
     */
    until: number;
    /**
     * The index after which messages are read.
     */
    after?: number | undefined;
    /**
     * The seconds for which the service may wait for one.
     */
    wait?: number | undefined;
    signal?: AbortSignal | undefined;
    /**
     * Seconds, of the last response.
     */
    retryAfter?: number | undefined;
};
/**
 * What a read has covered: all messages after an index, up to the last one of `messages`.
 */
export type Page = {
    /**
     * The conversation.
     */
    sid: string;
    /**
     * -1 for the beginning.
     */
    after: number;
    /**
     * As the API returns them, like the next two, which a page with a message just sent lacks.
     */
    messages: any[];
    last_index?: number | undefined;
    state?: string | undefined;
};
