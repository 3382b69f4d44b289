/** @template Events The part of Node's `EventEmitter` that the widget uses. */
export class Emitter<Events> {
    /** @template {keyof Events} Type @param {Type} type @param {(detail: Events[Type]) => void} listener */
    addListener<Type extends keyof Events>(type: Type, listener: (detail: Events[Type]) => void): void;
    /** @template {keyof Events} Type @param {Type} type @param {(detail: Events[Type]) => void} listener */
    removeListener<Type_1 extends keyof Events>(type: Type_1, listener: (detail: Events[Type_1]) => void): void;
    /** @param {keyof Events} [type] All types by default. */
    removeAllListeners(type?: keyof Events | undefined): void;
    /** @template {keyof Events} Type @param {Type} type @param {Events[Type]} detail */
    emit<Type_2 extends keyof Events>(type: Type_2, detail: Events[Type_2]): void;
    #private;
}
/** The guest, or the author of a message. The service has no typing indicator and no read receipts. */
export class Participant {
    /** @param {User} user Its identity is also the participant's sid. */
    constructor(user: User);
    isTyping: boolean;
    /** @type {number | null} */
    lastReadMessageIndex: number | null;
    sid: string;
    identity: string;
    getUser: () => Promise<User>;
}
export class Message {
    /** @param {ChatMessage} message */
    constructor({ sid, index, author, body, dateCreated }: ChatMessage);
    type: string;
    /** @type {Media[] | null} */
    attachedMedia: Media[] | null;
    sid: string;
    index: number;
    author: string;
    participantSid: string;
    body: string;
    dateCreated: Date;
}
/** @extends {Emitter<ConversationEvents>} */
export class Conversation extends Emitter<ConversationEvents> {
    /** @param {Session} session @param {string} sid @param {User} guest @param {ChatMessage[]} messages */
    constructor(session: Session, sid: string, guest: User, messages: ChatMessage[]);
    /** @type {{current: 'active' | 'inactive' | 'closed'}} */
    state: {
        current: 'active' | 'inactive' | 'closed';
    };
    attributes: {};
    /** @type {Message | undefined} */
    lastMessage: Message | undefined;
    /** @type {number | null} All messages count as read. */
    lastReadMessageIndex: number | null;
    sid: string;
    dateCreated: Date;
    getMessagesCount: () => Promise<number>;
    getParticipants: () => Promise<Participant[]>;
    typing: () => Promise<void>;
    setAllMessagesRead: () => Promise<number>;
    /** @returns {Promise<MessagePage>} The last `pageSize` messages up to the index `anchor`. */
    getMessages(pageSize?: number, anchor?: number): Promise<MessagePage>;
    /** @returns {MessageBuilder} */
    prepareMessage(): MessageBuilder;
    #private;
}
/** @extends {Emitter<ClientEvents>} */
export class Client extends Emitter<ClientEvents> {
    /** @type {(token: string, options: ClientOptions) => Promise<Client>} The token that the widget has stored is used. */
    static create: (token: string, options: ClientOptions) => Promise<Client>;
    /** @param {ClientOptions} options */
    constructor(options: ClientOptions);
    /** @type {ConnectionState} */
    connectionState: ConnectionState;
    /** @type {User} */
    user: User;
    /** @param {string} sid Rejects unless the session exists and this is its newest conversation. */
    getConversationBySid(sid: string): Promise<Conversation>;
    /** @param {string} token One that the widget has requested and stored itself, with its expiration. */
    updateToken(token: string): Promise<void>;
    /** Stops requests and events; the session continues. */
    shutdown(): void;
    #private;
}
export type ClientOptions = {
    /**
     * Base URL of the service, without `/v2`.
     */
    endpoint: string;
    /**
     * The one that the widget is initialised with.
     */
    deploymentKey: string;
    /**
     * The guest's name in the list of messages; `You` by default.
     */
    guestName?: string | undefined;
};
export type Session = import('./webchat-session.js').WebchatSession;
export type ChatMessage = import('./webchat-session.js').ChatMessage;
export type ConnectionState = 'connecting' | 'connected' | 'disconnecting' | 'disconnected' | 'denied';
/**
 * The first is emitted.
 */
export type ClientEvents = {
    connectionStateChanged: ConnectionState;
    tokenAboutToExpire: void;
};
/**
 * The first two and `updated` are emitted.
 */
export type ConversationEvents = {
    messageAdded: Message;
    participantJoined: Participant;
    messageRemoved: Message;
    participantLeft: Participant;
    updated: {
        conversation: Conversation;
        updateReasons: string[];
    };
    messageUpdated: {
        message: Message;
    };
    participantUpdated: {
        participant: Participant;
    };
    typingStarted: Participant;
    typingEnded: Participant;
};
export type User = {
    identity: string;
    friendlyName: string;
};
export type Media = {
    filename: string;
    contentType: string;
    size: number;
    getContentTemporaryUrl: () => Promise<string>;
};
/**
 * In order.
 */
export type MessagePage = {
    items: Message[];
    hasPrevPage: boolean;
    prevPage: () => Promise<MessagePage>;
};
/**
 * `send` returns the message's index, and rejects media.
 */
export type MessageBuilder = {
    setBody: (text: string) => MessageBuilder;
    addMedia: (media: unknown) => MessageBuilder;
    build: () => {
        send: () => Promise<number>;
    };
};
