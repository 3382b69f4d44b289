// The released widget's use of `@twilio/conversations` in TypeScript, with the client of this package: type-checked only,
// never run.
import { Client, type Conversation, type Media, type Message, type Participant, type User } from '../conversations-client.js'

export async function initSession(token: string, conversationSid: string, show: (...shown: unknown[]) => void): Promise<void> {
  const client: Client = await Client.create(token, {
    endpoint: 'https://chat.example.com', deploymentKey: 'CV00000000000000000000000000000001',
  })
  const conversation: Conversation = await client.getConversationBySid(conversationSid)
  const participants: Participant[] = await conversation.getParticipants()
  const users: User[] = await Promise.all(participants.map(async (participant) => participant.getUser()))
  const messages: Message[] = (await conversation.getMessages(25)).items
  show(users.find(({ identity }) => identity === client.user.identity)?.friendlyName, conversation.dateCreated.toLocaleString())
  for (const { author, body, dateCreated, attachedMedia, index } of messages) {
    show(author.concat(body), dateCreated.getHours(), index === conversation.lastReadMessageIndex)
    attachedMedia?.forEach((media: Media) => show(media.filename, media.size))
  }

  client.removeAllListeners('tokenAboutToExpire')
  client.addListener('tokenAboutToExpire', async () => {
    await client.updateToken(token)
  })
  client.addListener('connectionStateChanged', (status: string) => show(status))
  conversation.addListener('updated', ({ conversation: updated, updateReasons }) => {
    if (updateReasons?.includes('state')) show(updated?.state?.current === 'closed')
  })
  const added = (message: Message) => show(message.index)
  conversation.addListener('messageAdded', added)
  conversation.removeListener('messageAdded', added)
  conversation.addListener('messageRemoved', (message: Message) => show(message.sid))
  conversation.addListener('messageUpdated', ({ message }) => show(message.participantSid))
  conversation.addListener('participantJoined', async (participant: Participant) => show(await participant.getUser()))
  conversation.addListener('participantLeft', (participant: Participant) => show(participant.sid))
  conversation.addListener('participantUpdated', ({ participant }) => show(participant.lastReadMessageIndex))
  conversation.addListener('typingStarted', (participant: Participant) => show(participant.isTyping))
  conversation.addListener('typingEnded', (participant: Participant) => show(participant.isTyping))

  if (await conversation.getMessagesCount()) await conversation.typing()
  if (conversation.lastReadMessageIndex !== conversation.lastMessage?.index) await conversation.setAllMessagesRead()
  let message = conversation.prepareMessage()
  message = message.setBody('Hello')
  message.addMedia(new FormData())
  await message.build().send()
}

// @ts-expect-error The service's URL is required.
void Client.create('token')
