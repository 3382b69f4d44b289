/**
 * Creates the client. Does no I/O until a method is called, and can be called on a server. Throws a `TypeError` if an
 * option is wrong.
 * @param {Options} options
 * @returns {WebchatSession}
 */
export function createSession(options: Options): WebchatSession;
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
    customerFriendlyName?: string | undefined;
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
export type During = 'resume' | 'refresh' | 'openConversation' | 'messages' | 'wait' | 'send' | 'assertion' | 'end';
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
        after?: number | undefined;
    }) => Promise<ChatMessage[]>;
    send: (body: string) => Promise<ChatMessage>;
    /**
     * A signed statement about the guest for another service, valid
     * for 10 to 60 s; one is reused until 10 s before its end.
     */
    assertion: (audience: string) => Promise<string>;
    /**
     * What a request of the page's own needs to
     * pass a proxy that asks Authorize. For one request, with this method and URL.
     */
    headers: (method: string, url: string) => Promise<Record<string, string>>;
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
