// A widget with a bundler: starts a session, hands it to the client in place of `@twilio/conversations`, writes, shows what
// arrives, and reports it once the answer is there.
import { Client } from '@twilio/conversations'
import { report } from './report.js'

const deploymentKey = 'CV00000000000000000000000000000001'
const init = fetch('/chat/v2/Webchat/Init', { method: 'POST', body: new URLSearchParams({ DeploymentKey: deploymentKey }) })
init.then((response) => response.json()).then(async ({ conversation_sid: conversationSid, ...session }) => {
  localStorage.TWILIO_WEBCHAT_WIDGET = JSON.stringify({ ...session, conversationSid, loginTimestamp: `${Date.now()}` })
  const client = await Client.create(session.token, { endpoint: '/chat', deploymentKey })
  const conversation = await client.getConversationBySid(conversationSid)
  const shown = (await conversation.getMessages()).items.map(({ body }) => body)
  conversation.addListener('messageAdded', ({ body }) => {
    shown.push(body)
    if (shown.length === 3) report(shown)
  })
  await conversation.prepareMessage().setBody('Hello').build().send()
})
